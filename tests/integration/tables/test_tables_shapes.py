"""Tables as people send them, in tests/data/tables,
with the right reading of each in expected.json beside them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.tables.table_bench import Parsed

FOLDER = Path(__file__).parents[2] / "data" / "tables"
EXPECTED: dict[str, dict[str, Any]] = json.loads(
    (FOLDER / "expected.json").read_text(encoding="utf-8")
)


def test_every_shape_has_an_expected_reading() -> None:
    """No file lies there that nothing is said about."""
    assert {path.name for path in FOLDER.iterdir()} - {"expected.json"} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_shape_is_read_as_expected(tmp_path: Path, name: str) -> None:
    """Names, kinds, the first rows, what was left out, passed over, or might be read otherwise."""
    parsed = Parsed((FOLDER / name).read_bytes(), tmp_path)
    expected = EXPECTED[name]
    assert (parsed.names, parsed.kinds) == (expected["names"], expected["kinds"])
    assert parsed.rows[:5] == expected["rows"]
    assert (parsed.result["rows"], parsed.problems) == (
        expected["total"],
        expected.get("left_out", []),
    )
    layout = parsed.layout
    assert (layout["encoding"], layout["skipped"]) == (
        expected.get("encoding", "utf-8"),
        expected.get("skipped", 0),
    )
    assert layout["notes"] == expected.get("notes", [])
    ambiguous = {
        each: parsed.read_as(each)["ambiguous"]
        for each in parsed.names
        if parsed.read_as(each)["ambiguous"]
    }
    assert ambiguous == expected.get("ambiguous", {})
