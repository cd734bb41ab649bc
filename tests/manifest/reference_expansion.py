"""The rules of the language once more, as plainly as can be: what a right manifest must expand to.

Independent of the product: works on plain data, for manifests whose names and values are simple enough that no
other rule comes into play. Says of few things that they are wrong.
"""

import itertools
import json
import string
from collections.abc import Iterator, Mapping
from typing import Any

PLAIN = string.ascii_lowercase + string.digits
Table = list[dict[str, str]]


def slug(value: str) -> str:
    """As the rule says, for ASCII text."""
    dashed = "".join(c if c in PLAIN + "_" else "-" for c in value.lower())
    return "-".join(filter(None, dashed.split("-")))


def used_names(shot: Mapping[str, Any]) -> set[str]:
    """The names that the shot's texts have as variables."""
    texts = [shot["id"], shot["prompt"], *shot.get("image_urls", []), *shot.get("tags", [])]
    return {name for text in texts for name in string.Template(text).get_identifiers()}


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """The standard library's own substitution."""
    return string.Template(text).substitute(variables)


def combinations(matrix: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Every combination, in order."""
    axes = {name: values for name, values in matrix.items() if name not in ("exclude", "include")}
    for values in itertools.product(*axes.values()):
        combination = dict(zip(axes, values, strict=True))
        if not any(all(combination[k] == v for k, v in each.items()) for each in matrix.get("exclude", [])):
            yield combination
    yield from matrix.get("include", [])


def variable_sets(
    shot: Mapping[str, Any], manifest: Mapping[str, Any], tables: Mapping[str, Table]
) -> Iterator[dict[str, str]]:
    """The variables of every row with every combination."""
    used = used_names(shot)
    for row in tables[shot["rows"]] if "rows" in shot else [{}]:
        values = [value for name, value in row.items() if name in used]
        if values and not any(value.strip() for value in values):
            continue
        for combination in combinations(shot["matrix"]) if "matrix" in shot else [{}]:
            yield {**manifest.get("vars", {}), **combination, **row}


def takes(manifest: Mapping[str, Any], tables: Mapping[str, Table]) -> list[tuple[str, str, tuple[str, ...]]] | None:
    """Each take's ID, its input as JSON and its tags; None where that is an error.

    That is: two shots have one ID, nothing of a value is left in an ID, or every row of a table is blank.
    """
    found = []
    ids = set()
    for written in manifest["shots"]:
        shot = {**manifest.get("defaults", {}), **written}
        if not any(True for _ in variable_sets(shot, manifest, tables)):
            return None
        for variables in variable_sets(shot, manifest, tables):
            if any(
                variables[n].strip() and not slug(variables[n]) for n in string.Template(shot["id"]).get_identifiers()
            ):
                return None
            id_ = substitute(shot["id"], {name: slug(value) for name, value in variables.items()})
            if id_ in ids:
                return None
            ids.add(id_)
            input_ = {**shot.get("input", {}), "prompt": substitute(shot["prompt"], variables).strip()}
            urls = [substitute(url, variables) for url in shot.get("image_urls", [])]
            if urls:
                base = manifest.get("images", {}).get("base_url", "").rstrip("/")
                input_["image_urls"] = [url if "://" in url else f"{base}/{url}" for url in urls]
            sent = json.dumps(input_, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            tags = tuple(dict.fromkeys(substitute(tag, variables).strip() for tag in shot.get("tags", [])))
            numbers = range(1, shot.get("takes", 1) + 1)
            found += [(id_ if number == 1 else f"{id_}.take{number}", sent, tags) for number in numbers]
    return found
