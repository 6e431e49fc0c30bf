"""How much temporary disk tables.parse may take."""

from pathlib import Path

import pytest

from flask_api.jobs.errors import TaskError
from flask_api.jobs.tasks.inline import run_inline
from flask_api.tasks.tables.parse import parse_table
from shared.settings import ApiSettings


def test_table_that_needs_more_temporary_disk_than_it_may_take_fails_in_plain_words(
    tmp_path: Path,
) -> None:
    """A packed table counts as long as its text is; one that fits is read."""
    source = tmp_path / "table.csv"
    source.write_text("a,b\n" + "1,2\n" * 500_000)
    settings = ApiSettings.model_construct(table_temp_bytes=1_000_000)
    with pytest.raises(TaskError, match="more than 333,333 bytes"):
        run_inline(parse_table, {"file": source}, settings=settings)
    enough = ApiSettings.model_construct(table_temp_bytes=100_000_000)
    assert run_inline(parse_table, {"file": source}, settings=enough)["rows"] == 500_000
