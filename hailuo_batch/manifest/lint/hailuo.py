"""What Hailuo is known to take elsewhere, and Runbase does not say: a reason to warn, never to refuse.

The limits are those that MiniMax's own documentation gives for Hailuo: prompts of at most 2,000 characters, one image,
camera commands in brackets, at most three in one. Nobody says which of them hold for `hailuo/pro` at Runbase.
"""

import re

from hailuo_batch.manifest.diagnostics import Diagnostics, Positioned
from hailuo_batch.manifest.expansion.expand import BuiltGroup
from hailuo_batch.manifest.quoting import quoted
from hailuo_batch.values import Shot
from hailuo_batch.warning_codes import WarningCode

_FAMILY = "hailuo/"
_WHOSE_WORD = "as MiniMax documents it; Runbase does not say"
# rule most_of_prompt
MAX_PROMPT = 2_000
MAX_COMMANDS = 3
_BOTH_WAYS = {"truck": ("left", "right"), "pan": ("left", "right"), "push": ("in",), "pull": ("out",)} | {
    "pedestal": ("up", "down"),
    "tilt": ("up", "down"),
    "zoom": ("in", "out"),
}
# rule camera_commands
CAMERA_COMMANDS = frozenset(
    [f"{move} {way}" for move, ways in _BOTH_WAYS.items() for way in ways] + ["shake", "tracking shot", "static shot"]
)
_BRACKETS = re.compile(r"\[([A-Za-z][A-Za-z ,;+&-]{1,80})\]")
_BETWEEN = re.compile(r"\s*[,;+&]\s*")
_LONGEST_COMMAND = 4  # words; more are a description, which may stand in brackets


def check_hailuo(built: BuiltGroup, diagnostics: Diagnostics) -> None:
    """Warn of prompts and images that Hailuo is known to refuse or to ignore."""
    raw = built.group.raw
    # rule hailuo_models_only
    if raw.model is not None and not raw.model_name.lower().startswith(_FAMILY):
        return
    place = raw.node if raw.prompt is None else raw.prompt.node
    _check_commands(built, place, diagnostics)
    # an input that is short as JSON has no long prompt
    suspects = [shot for shot in built.shots if len(shot.takes[0].input_json) > MAX_PROMPT]
    too_long = [shot for shot in suspects if len(shot.takes[0].input["prompt"]) > MAX_PROMPT]
    # rule long_prompt
    if too_long:
        length, origin = len(too_long[0].takes[0].input["prompt"]), _origin(built, too_long[0])
        message = f"the prompt has {length:,} characters; Hailuo takes at most {MAX_PROMPT:,}, {_WHOSE_WORD}{origin}"
        diagnostics.warn(place, WarningCode.LONG_PROMPT, message, "shorten it", cause="long", more=len(too_long) - 1)
    if len(raw.image_urls) > 1:
        several = [shot for shot in built.shots if len(shot.takes[0].input.get("image_urls", ())) > 1]
        # rule several_images
        if several:
            number = len(several[0].takes[0].input["image_urls"])
            message = f"{number} images; Hailuo starts from one, {_WHOSE_WORD}{_origin(built, several[0])}"
            image = raw.image_urls[1]
            at: Positioned = raw.node if image is None else image.node
            diagnostics.warn(at, WarningCode.SEVERAL_IMAGES, message, "keep one", cause="images", more=len(several) - 1)


def _check_commands(built: BuiltGroup, place: Positioned, diagnostics: Diagnostics) -> None:
    # what is written in brackets in a prompt is written so in its JSON, too
    for shot in (shot for shot in built.shots if _BRACKETS.search(shot.takes[0].input_json)):
        prompt = shot.takes[0].input["prompt"]
        for match in _BRACKETS.finditer(prompt):
            commands = _BETWEEN.split(match[1].strip().lower())
            if any(len(command.split()) > _LONGEST_COMMAND for command in commands):
                continue
            unknown = [command for command in commands if " ".join(command.split()) not in CAMERA_COMMANDS]
            # rule camera_command
            if unknown:
                message = f"{quoted(match[0])}: {quoted(unknown[0])} is no camera command of Hailuo's, {_WHOSE_WORD}"
                hint = "known: " + ", ".join(sorted(CAMERA_COMMANDS))
                shown = message + _origin(built, shot)
                diagnostics.warn(place, WarningCode.CAMERA_COMMAND, shown, hint, cause=message)
            elif len(commands) > MAX_COMMANDS:
                message = f"{quoted(match[0])} has {len(commands)} commands; Hailuo takes {MAX_COMMANDS}, {_WHOSE_WORD}"
                shown = message + _origin(built, shot)
                diagnostics.warn(
                    place, WarningCode.CAMERA_COMMAND, shown, "write them in several brackets", cause=message
                )


def _origin(built: BuiltGroup, shot: Shot) -> str:
    """The row and the combination of a shot, as the end of a sentence; empty if there is neither."""
    expansion, raw = built.group.expansion, built.group.raw
    if expansion is None or expansion.is_single:
        return ""
    return f", for {expansion.describe_origin(built.shots.index(shot), raw.names)}"
