"""script/release and the hook that calls script/check,
in a clone of their own whose check passes or fails as a test says."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.settings import ROOT
from shared.version import VERSION
from tests.package.environment import tracked_files

ENTRY = "- Something that people notice."


class Clone:
    """A repository with the files of this one, and a version that the changelog has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in tracked_files():
            if not name.startswith(("tests/", "benchmarks/")):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        # These programs' own tests are others: script/test has run the real check before this.
        self.write("script/bootstrap", "#!/bin/sh\n")
        self.write("script/check", "#!/bin/sh\n[ ! -e var/wrong ]\n")
        (folder / "var").mkdir()
        self.write(
            "CHANGELOG.md",
            f"# Changelog\n\n## [Unreleased]\n\n## [{VERSION}] - 2026-11-29\n\n{ENTRY}\n\n## "
            "[0.0.9] - 2026-01-01\n\n- Old.\n",
        )
        self.run("git", "init", "--quiet")
        (folder / ".git/info/exclude").write_text(".venv\n")
        (folder / ".venv").symlink_to(ROOT / ".venv")
        self.commit()

    def write(self, name: str, text: str) -> None:
        """Write a file."""
        (self.folder / name).write_text(text)

    def commit(self) -> None:
        """Commit everything."""
        self.run("git", "add", "--all")
        self.run("git", "-c", "core.hooksPath=none", "commit", "--quiet", "--message=All")

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command there and return what it prints; it must end with this code."""
        who = {
            f"GIT_{role}_{what}": "ada@example.org"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**kept, **who, **alone},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A repository that is ready to be released."""
    return Clone(tmp_path)


def test_release_that_is_ready_is_built_and_tagged_when_asked(clone: Clone) -> None:
    """The dry run makes no tag; the tag holds the changelog's entry alone;
    the same release again is refused."""
    assert "would tag" in clone.run("script/release")
    assert clone.run("git", "tag") == ""
    built = {f"gatehouse-{VERSION}-py3-none-any.whl", f"gatehouse-{VERSION}.tar.gz"}
    assert {path.name for path in (clone.folder / "dist").iterdir()} == built
    assert f"git push origin v{VERSION}" in clone.run("script/release", "--tag")
    assert clone.run("git", "cat-file", "-t", f"v{VERSION}") == "tag\n"
    message = clone.run("git", "tag", "--list", "--format=%(contents)", f"v{VERSION}")
    assert message.strip() == ENTRY
    assert "is there already" in clone.run("script/release", code=1)


def test_release_that_is_not_ready_says_what_is_missing(clone: Clone) -> None:
    """Nothing is built."""
    clone.write("stray.txt", "not committed")
    assert "changes that are not committed" in clone.run("script/release", code=1)
    (clone.folder / "stray.txt").unlink()
    (clone.folder / "var/wrong").touch()
    clone.run("script/release", code=1)
    (clone.folder / "var/wrong").unlink()
    for changelog, said in [
        ("# Changelog\n\n## [Unreleased]\n\n- All.\n", "has no heading"),
        (f"## [{VERSION}] - soon\n\n- All.\n", "has no heading"),
        (
            f"## [{VERSION}] - 2026-11-29\n\n## [0.0.9] - 2026-01-01\n\n- Old.\n",
            "says nothing under",
        ),
    ]:
        clone.write("CHANGELOG.md", changelog)
        clone.commit()
        assert said in clone.run("script/release", code=1)
    clone.write("shared/version.py", 'VERSION = "next"\n')
    clone.commit()
    assert "which must be like" in clone.run("script/release", code=1)
    assert "usage" in clone.run("script/release", "--push", code=2)
    assert not (clone.folder / "dist").exists()
    assert clone.run("git", "tag") == ""


def test_hook_refuses_a_commit_that_the_check_refuses(clone: Clone) -> None:
    """Switched on as CONTRIBUTING.md says, also in a subfolder;
    the commit is made when the check passes."""
    clone.run("git", "config", "core.hooksPath", "script/hooks")
    clone.write("docs/more.md", "More.\n")
    clone.run("git", "add", "--all")
    (clone.folder / "var/wrong").touch()
    clone.run("git", "-C", "docs", "commit", "--quiet", "--message=More", code=1)
    (clone.folder / "var/wrong").unlink()
    clone.run("git", "-C", "docs", "commit", "--quiet", "--message=More")
    assert clone.run("git", "status", "--porcelain") == ""
