"""The manifest that `init` writes: valid as it stands, and short enough to be read before it is changed.

Its campaign is named after its file: the name decides which ledger it has, and two manifests of one workspace that are
both called my-campaign would share one.
"""

import re
from pathlib import Path

from hailuo_batch.manifest.slugs import slug

# rule editor_line
STARTER_MANIFEST = """\
# yaml-language-server: $schema=manifest.schema.json
# With its schema in the same folder, an editor with a YAML language server completes and explains this file:
#   hailuo-batch schema manifest > manifest.schema.json

version: 1
campaign: my-campaign             # names the ledger and the output folder; a new name pays for everything again
description: What this campaign is for

vars:                             # text for ${name} below
  style: soft window light, shot on 35 mm film

limits:
  max_spend_usd: 5                # never spend more than this on the campaign
  # expected_cost_usd: 0.28       # the cost of a run, for estimates, until a real cost is known
  # max_attempts: 2               # runs per take: a failed run is refunded and made again
  # run_timeout: 45m              # stop waiting when no run has finished for this long

defaults:                         # for every shot that does not set its own
  takes: 1

shots:
  - id: hero                      # names the file: hero.mp4
    prompt: A cinematic product photo of a ceramic lamp, ${style}
    takes: 2                      # two videos to choose from: hero and hero.take2
    tags: [catalogue]

  # - id: hero-moving             # starts from an image
  #   prompt: The camera circles the lamp slowly
  #   image_urls:
  #     - https://example.com/lamp.jpg

  # - id: lamp-${colour}-${scene} # a matrix: one shot for every combination
  #   prompt: A ${colour} ceramic lamp in ${scene}, ${style}
  #   matrix:
  #     colour: [white, teal]
  #     scene: [a loft, a library]
  #     exclude:
  #       - {colour: teal, scene: a library}

  # - id: sku-${sku}              # one shot for every row of a CSV file, whose first row names the variables
  #   prompt: ${name} on a plinth, ${style}
  #   image_urls: ["${image}"]      # left out where the cell is empty
  #   rows: products.csv            # with the rows `sku,name,image` and `A1,A tall vase,`, say

  # - id: idea-${row}             # one shot for every line of a text file: 001, 002, ...
  #   prompt: ${prompt}, ${style}
  #   rows: ideas.txt
"""

_DEFAULT_STEM = "manifest"
_DEFAULT_NAME = "my-campaign"
_MOST_CHARACTERS = 63
_CAMPAIGN_LINE = re.compile(r"^campaign: my-campaign +(?=#)", re.MULTILINE)
_COMMENT_COLUMN = 34
_YAML_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


def starter_manifest(path: Path) -> str:
    """The starter manifest for a file of this name."""
    name = campaign_name(path)
    # YAML would take these for a number, a date or a yes
    text = name if name[0].isalpha() and name not in _YAML_WORDS else f'"{name}"'
    line = f"campaign: {text}".ljust(_COMMENT_COLUMN - 2) + "  "
    return _CAMPAIGN_LINE.sub(line, STARTER_MANIFEST)


def campaign_name(path: Path) -> str:
    """A campaign's name after its manifest's file, or, for a `manifest.yaml`, after the workspace's folder."""
    folder = path.absolute().parent
    workspace = folder.parent if folder.name == "manifests" else folder
    name = slug(workspace.name if path.stem == _DEFAULT_STEM else path.stem).replace("_", "-")
    return name.strip("-")[:_MOST_CHARACTERS].rstrip("-") or _DEFAULT_NAME
