"""The manifest that `init` writes: valid as it stands, and short enough to be read before it is changed."""

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
