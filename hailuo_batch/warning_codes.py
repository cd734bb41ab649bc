"""The kinds of warnings, each with the short code by which a manifest accepts it.

A warning is about something that is sent as it stands, and that its author may not have meant. Pure; what is looked at
and what is said of it belongs to whoever warns.
"""

from enum import StrEnum


class WarningCode(StrEnum):
    """One kind of warning: `accept: [empty-value]` silences it, `--strict` makes an error of it."""

    DROPPED_TEXT = "dropped-text"
    """YAML drops a part of a text: a comment that was none, a word read as an anchor."""
    UNFILLED_VARIABLE = "unfilled-variable"
    """`${name}` is sent as it stands."""
    OTHER_NOTATION = "other-notation"
    """A known name in the notation of another program, such as `{{ name }}`."""
    MACHINE_VALUE = "machine-value"
    """A cell holds what a program left there, such as `#REF!`."""
    EMPTY_VALUE = "empty-value"
    """A variable has no value where it is used."""
    BLANK_ROWS = "blank-rows"
    """Rows of a table are blank, and skipped."""
    UNUSED_NAME = "unused-name"
    """A variable is defined and not used."""
    EQUAL_INPUT = "equal-input"
    """Two shots ask for the same video."""
    USELESS_EXCLUSION = "useless-exclusion"
    """An exclusion of a matrix excludes nothing."""
    UNCHECKED_INPUT = "unchecked-input"
    """No schema is known for the model, so that its input is not checked."""
    LONG_PROMPT = "long-prompt"
    """A prompt is longer than Hailuo is known to take."""
    CAMERA_COMMAND = "camera-command"
    """A camera command in brackets is none of those that Hailuo is known to take."""
    SEVERAL_IMAGES = "several-images"
    """A shot has more images than Hailuo is known to take."""
    IMAGE_FORMAT = "image-format"
    """An image is of a kind that Hailuo is not known to take."""
    IMAGE_SIZE = "image-size"
    """An image is smaller or larger than Hailuo is known to take."""
    IMAGE_SHAPE = "image-shape"
    """An image is wider or taller than Hailuo is known to take, or will be seen turned."""
    IMAGE_SERVER = "image-server"
    """The server of an image answers in a way that may keep others from fetching it."""
