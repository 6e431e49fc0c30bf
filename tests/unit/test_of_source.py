"""A source file stands for its tests, so that who changes one finds and runs them by its path."""

from pathlib import Path

from tests.of_source import ROOMS, ROOT, files_that_test, for_pytest


def test_tests_of_a_file_are_those_of_its_room_and_those_that_import_it() -> None:
    """Of the nearest room only; a test elsewhere counts when it imports the file."""
    found = files_that_test(Path("flask_api/jobs/workers/queue.py"))
    assert {
        "tests/unit/jobs/test_jobs_queue.py",
        "tests/integration/engine/test_engine_rescue.py",
    } <= set(found)
    assert "tests/unit/flask_api/test_flask_query.py" not in found
    assert "tests/unit/test_docs.py" in files_that_test(Path("deploy/settings_table.py"))


def test_every_room_is_there_and_has_tests() -> None:
    """A folder or a test that is renamed takes its row along."""
    assert [room for room in ROOMS if not (ROOT / room).is_dir()] == []
    globs = [(room, glob) for room, globs in ROOMS.items() for glob in globs]
    empty = [each for each in globs if not any((ROOT / "tests").glob(f"{each[1]}.py"))]
    assert empty == []


def test_other_arguments_are_pytests_own() -> None:
    """Options, words, tests, and folders of tests."""
    given = ["-k", "gate", "tests/unit/test_docs.py", "tests/unit", "--lf"]
    assert for_pytest(given) == given
    assert "tests/integration/keys/test_keys_json.py" in for_pytest(["django_site/keys/"])
