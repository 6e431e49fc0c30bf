"""The version is written in two places; they must agree."""

import tomllib

from shared.settings import ROOT
from shared.version import VERSION


def test_version_in_code_equals_the_project_file() -> None:
    """What the API says it is, is what was packaged."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION
