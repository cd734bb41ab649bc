"""The commented example of the language, taken at its word."""

from hailuo_batch.values import Limits
from tests.manifest.conftest import LoadValid, WriteFile

EXAMPLE = """\
# yaml-language-server: $schema=../schemas/manifest.schema.json
version: 1
campaign: spring-lamps              # the campaign's identity: ledger and output folder are named after it
model: hailuo/pro                   # default
description: Spring catalogue, cut-downs for social    # free text, shown in the report

vars:                               # text used as ${name} below
  style: soft window light, shot on 35 mm film

limits:
  max_spend_usd: 40                 # hard cap on net spend of this campaign, over all its applies
  expected_cost_usd: 0.28           # per run, for the plan, until the ledger has seen a real cost
  max_attempts: 2                   # runs per take: a run that FAILED (refunded) is made again up to this; default 1
  max_in_flight: 200                # runs at Runbase at once; default: no limit but the rate
  run_timeout: 45m                  # apply stops waiting when no run has finished for so long; default 60m

images:                             # how relative image references become URLs
  base_url: https://cdn.example.com/spring/
  dir: images                       # optional local copies: checked to exist and to be images, hashed

defaults:                           # merged into every shot that does not say otherwise
  takes: 1
  tags: [spring]

shots:
  - id: hero
    prompt: A cinematic product photo of a ceramic lamp, ${style}

  - id: lamp-${colour}-${scene}     # a matrix: every combination, in the order written
    prompt: A ${colour} ceramic lamp in ${scene}, ${style}
    image_urls: ["lamp-${colour}.jpg"]        # relative: resolved against images.base_url
    takes: 3
    matrix:
      colour: [white, teal]
      scene: [a loft, a library]
      exclude:
        - {colour: teal, scene: a library}
      include:
        - {colour: brass, scene: a workshop}

  - id: sku-${sku}                  # one shot per row of a CSV file (header row names the variables)
    prompt: ${name} on a plinth, ${style}
    image_urls: ["${image}"]
    rows: products.csv              # path relative to the manifest
    tags: [catalogue]
"""
STYLE = "soft window light, shot on 35 mm film"


def test_the_example_of_the_language_asks_for_what_it_states(load_valid: LoadValid, write_file: WriteFile) -> None:
    for name in ("lamp-white", "lamp-teal", "lamp-brass", "vase"):
        write_file(f"images/{name}.jpg", b"\xff\xd8\xff\xe0 and so on")
    write_file("products.csv", "sku,name,image\nA 1,A vase,vase.jpg\n")
    campaign = load_valid(EXAMPLE)
    assert campaign.name == "spring-lamps"
    assert campaign.description == "Spring catalogue, cut-downs for social"
    assert campaign.limits == Limits(40_000_000, 280_000, 2, 200, 2700.0)
    assert [(shot.id, len(shot.takes), shot.takes[0].tags) for shot in campaign.shots] == [
        ("hero", 1, ("spring",)),
        ("lamp-white-a-loft", 3, ("spring",)),
        ("lamp-white-a-library", 3, ("spring",)),
        ("lamp-teal-a-loft", 3, ("spring",)),
        ("lamp-brass-a-workshop", 3, ("spring",)),
        ("sku-a-1", 1, ("catalogue",)),
    ]
    takes = {take.id: take for take in campaign.takes}
    assert {take.model for take in takes.values()} == {"hailuo/pro"}
    assert takes["hero"].input == {"prompt": f"A cinematic product photo of a ceramic lamp, {STYLE}"}
    assert takes["lamp-brass-a-workshop.take3"].input == {
        "prompt": f"A brass ceramic lamp in a workshop, {STYLE}",
        "image_urls": ["https://cdn.example.com/spring/lamp-brass.jpg"],
    }
    assert takes["sku-a-1"].input["prompt"] == f"A vase on a plinth, {STYLE}"
    assert takes["sku-a-1"].images_sha256 is not None
