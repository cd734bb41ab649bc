"""What a create asks for, read from its body as strictly as the documented API does.

Pure parsing: knows the input schema of `hailuo/pro` and no prices, money or time. Other models' inputs pass unchecked.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from hailuo_batch.sandbox.world.answers import RequestRefused
from hailuo_batch.values import DEFAULT_MODEL

_IMAGE_SCHEMES = ("https://", "http://", "data:image/")


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """A create whose body is well formed."""

    model: str
    input: Mapping[str, Any]


def parse_create(body: bytes, models: Collection[str]) -> CreateRequest:
    """The request in a body. Raises Refused with the documented 400 for the first thing that is wrong with it."""
    data = _parse_object(body)
    model, request_input = data.get("model"), data.get("input")
    if not isinstance(model, str) or not model:
        raise RequestRefused(400, "missing_model", "`model` is missing or is not a string")
    if not isinstance(request_input, dict):
        raise RequestRefused(400, "missing_input", "`input` is missing or is not an object")
    if model not in models:
        raise RequestRefused(400, "model_not_found", f"there is no model {model!a}")
    if model == DEFAULT_MODEL:
        _check_hailuo_input(request_input)
    return CreateRequest(model, request_input)


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise RequestRefused(400, "invalid_json", "the request body is not valid JSON") from None
    if not isinstance(data, dict):
        raise RequestRefused(400, "invalid_json", "the request body is not a JSON object")
    return data


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_hailuo_input(request_input: Mapping[str, Any]) -> None:
    prompt = request_input.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise RequestRefused(400, "invalid_input", "`input.prompt` must be a string that is not blank")
    images = request_input.get("image_urls", [])
    if not isinstance(images, list):
        raise RequestRefused(400, "invalid_input", "`input.image_urls` must be an array of strings")
    for number, url in enumerate(images):
        if not isinstance(url, str) or not url.lower().startswith(_IMAGE_SCHEMES):
            what = "an http or https URL, or an image written out as a data URI"
            raise RequestRefused(400, "invalid_input", f"`input.image_urls[{number}]` must be {what}")
