"""GATEHOUSE_JOB_FILES_URL is tried when a process starts, not with the first file."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from flask_api.jobs.files.storage import FileStore
from shared.errors import ConfigurationError
from shared.settings import ApiSettings

SECRET = "s" * 40


def store(url: str) -> FileStore:
    """Return a store as a start makes it."""
    return FileStore(ApiSettings(session_secrets=(SECRET,), job_files_url=url))


def test_file_system_whose_package_is_missing_is_named_at_the_start() -> None:
    """With what to install; also behind a cache of fsspec's."""
    assert find_spec("s3fs") is None, "no extra brings it: choose another one for this test"
    for url in ("s3://key:topsecret@jobs/files", "simplecache::s3://jobs/files"):
        with pytest.raises(ConfigurationError) as refused:
            store(url)
        assert (
            refused.value.message == "GATEHOUSE_JOB_FILES_URL: s3:// needs s3fs: pip install s3fs"
        )


def test_package_that_is_not_called_as_its_module_is_named_by_fsspec() -> None:
    """``pip install smbclient`` would be another's."""
    with pytest.raises(ConfigurationError, match=r"smb:// can't be used: .*smbprotocol"):
        store("smb://host/files")


def test_scheme_that_fsspec_does_not_know_is_refused() -> None:
    """With those it knows, and without the rest of the URL."""
    with pytest.raises(ConfigurationError, match=r"s4:// is none of fsspec's: .*, s3, ") as refused:
        store("s4://topsecret/files")
    assert "topsecret" not in refused.value.message


@pytest.mark.parametrize("scheme", ["", "file://", "simplecache::"])
def test_folder_of_this_machine_needs_nothing(tmp_path: Path, scheme: str) -> None:
    """A path alone is one, too."""
    store(f"{scheme}{tmp_path}")
    store("")
