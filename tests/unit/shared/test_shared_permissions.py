"""Sets of permissions: their names, their entries, and reading one only when it is asked for."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.entries import permissions_entry
from shared.contract.permissions import (
    PermissionSet,
    decode_permissions,
    digest_of,
    encode_permissions,
)
from shared.contract.principal import Principal, decode_principal, encode_principal
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError, SessionStoreUnavailable

SIGNER = EntrySigner(["a-secret-of-at-least-32-characters-here"])
NAMES = frozenset({"reports.view_report", "reports.add_report"})


@given(names=st.frozensets(st.text(), min_size=1, max_size=5))
def test_any_set_comes_back_from_its_entry(names: frozenset[str]) -> None:
    """Whatever codenames a site has."""
    permissions = PermissionSet.of(names)
    value = encode_permissions(SIGNER, permissions)
    assert decode_permissions(SIGNER, permissions.digest, value) == names


@given(one=st.frozensets(st.text(), max_size=3), other=st.frozensets(st.text(), max_size=3))
def test_sets_share_a_name_exactly_when_they_are_equal(
    one: frozenset[str], other: frozenset[str]
) -> None:
    """Names with blanks, commas and quotes can't make two sets look like one."""
    assert (digest_of(one) == digest_of(other)) == (one == other)


def test_set_under_another_name_is_refused() -> None:
    """A strong set copied over a weak one gives nobody anything: it is signed for its own name."""
    strong, weak = PermissionSet.of(NAMES), PermissionSet.of({"reports.view_report"})
    with pytest.raises(EntryFormatError):
        decode_permissions(SIGNER, weak.digest, encode_permissions(SIGNER, strong))


@pytest.mark.parametrize("payload", [{}, {"v": 2, "permissions": []}, {"v": 1, "permissions": "x"}])
def test_payload_of_another_shape_is_refused(payload: dict[str, object]) -> None:
    """Another version, and a list that is none."""
    digest = digest_of(NAMES)
    with pytest.raises(EntryFormatError):
        decode_permissions(SIGNER, digest, SIGNER.sign(permissions_entry(digest), payload))


def _published(asked: list[str], **fields: Any) -> Principal:
    ada = Principal(id="7", username="ada", permission_set=PermissionSet.of(NAMES), **fields)

    def find(digest: str) -> frozenset[str]:
        asked.append(digest)
        return NAMES

    return decode_principal(SIGNER, "7", encode_principal(SIGNER, ada), find=find)


def test_set_is_read_when_somebody_asks_and_once() -> None:
    """A view that asks for no permission doesn't pay for them; one that asks twice pays once."""
    asked: list[str] = []
    ada = _published(asked)
    assert asked == []
    assert ada.has_permission("reports.view_report")
    assert not ada.has_permission("reports.delete_report")
    assert ada.permissions == NAMES
    assert asked == [digest_of(NAMES)]


def test_superuser_and_the_inactive_are_decided_without_reading() -> None:
    """Every one and none: there is nothing to look for."""
    asked: list[str] = []
    assert _published(asked, is_superuser=True).has_permission("any.thing")
    assert not _published(asked, is_active=False).has_permission("reports.view_report")
    assert asked == []


def test_who_has_no_permissions_needs_no_entry() -> None:
    """The empty set is known without asking anybody."""
    ada = Principal(id="7", username="ada")
    assert decode_principal(SIGNER, "7", encode_principal(SIGNER, ada)).permissions == frozenset()


def test_set_that_cannot_be_read_is_an_outage() -> None:
    """Not knowing what somebody may do is no reason to say that they may not."""
    ada = Principal(id="7", username="ada", permission_set=PermissionSet.of(NAMES))
    with pytest.raises(SessionStoreUnavailable):
        decode_principal(SIGNER, "7", encode_principal(SIGNER, ada)).has_permission("a.b")
