"""Tables that are no sheet: a list of prompts, one a line, and rows that the manifest itself lists.

Every value has its place. Knows nothing of what the rows are used for.
"""

from array import array
from collections.abc import Collection

from hailuo_batch.manifest.diagnostics import FILE_START, FatalDiagnostic, Position
from hailuo_batch.manifest.files.formats import BOM
from hailuo_batch.manifest.files.tables import MAX_ROWS, Table, is_used
from hailuo_batch.manifest.yaml.nodes import MappingNode, ScalarNode, SequenceNode

# rule prompt_column
PROMPT = "prompt"
"""The one column of a list of prompts."""


def read_prompts(data: bytes, path: str) -> Table:
    """A table with the column `prompt`, from a file with one prompt a line. Raises FatalDiagnostic if there is none."""
    # rule list_mark
    text = data.removeprefix(BOM).decode("utf-8")
    # rule one_a_line
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    numbers = array("q", (number for number, line in enumerate(lines, 1) if line.strip()))
    if not numbers:
        raise FatalDiagnostic(FILE_START, "the file has no prompts", "write one prompt a line")
    if len(numbers) > MAX_ROWS:
        raise FatalDiagnostic(FILE_START, f"the file has more than {MAX_ROWS:,} prompts", "split it")
    prompts = [lines[number - 1].strip() for number in numbers]
    return Table(path, (PROMPT,), {PROMPT: prompts}, numbers, lambda row, _name: Position(numbers[row], 1))


def read_inline(rows: SequenceNode, path: str, used: Collection[str]) -> Table | None:
    """A table of rows written in the manifest; a name that a row lacks has a blank value. None if one is no row."""
    items = [row for row in rows.items if isinstance(row, MappingNode) and row.entries]
    names = dict.fromkeys(name for row in items for name in row.entries)
    values = [value for row in items for _, value in row.entries.values()]
    if len(items) < len(rows.items) or not all(isinstance(value, ScalarNode) for value in values):
        return None

    def text(row: MappingNode, name: str) -> str:
        value = row.get(name)
        return value.text if isinstance(value, ScalarNode) else ""

    def locate(row: int, name: str) -> Position:
        node = items[row].get(name) or items[row]
        return Position(node.line, node.column)

    columns = {name: [text(row, name) for row in items] for name in names if is_used(name, used)}
    return Table(path, tuple(names), columns, range(1, len(items) + 1), locate)
