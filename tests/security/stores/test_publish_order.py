"""The order of publishes, one case each; test_publish_schedules tries them at random."""

import pytest

from shared.contract.entries import principal_entry

pytestmark = pytest.mark.usefixtures("site")


def test_publish_that_a_rebuild_overtook_reads_again() -> None:
    """What it had read is older than what the rebuild left alone, and is never written."""
    from django_site.contract import session_store
    from django_site.publishing.versions import Value, begin_anew, replace_entries

    entry, versions = principal_entry("nobody-of-this-id"), list[int]()

    def read(version: int) -> dict[str, Value | None]:
        versions.append(version)
        if len(versions) == 1:
            begin_anew()
        return {entry: Value(text=f"read under {version}", ttl_s=60)}

    replace_entries(read)
    assert len(versions) == 2
    assert session_store().get(entry) == f"read under {versions[1]}"
