"""The principal entry: round trip, upgrades, refusals, permissions."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.entries import principal_entry
from shared.contract.permissions import PermissionSet
from shared.contract.principal import Principal, decode_principal, encode_principal, says
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError

SIGNER = EntrySigner(["a-secret-of-at-least-32-characters-here"])
# sha256 of '["reports.add_report","reports.view_report"]'
SET = "5e4bf48a06e8e586ae2e00ee68b9e35e307206a1e7d778263e7df1af8c0c1ce8"
ADA = Principal(
    id="7",
    username="ada",
    email="ada@example.org",
    email_verified=True,
    is_staff=True,
    permission_set=PermissionSet.of({"reports.view_report", "reports.add_report"}),
    groups=frozenset({"analysts"}),
    auth_hash="5d1c",
    auth_hash_fallbacks=("aa", "bb"),
    backends=("app.Backend",),
)
WIRE: dict[str, Any] = {
    "v": 1,
    "version": 12,
    "id": "7",
    "username": "ada",
    "email": "ada@example.org",
    "email_verified": True,
    "is_active": True,
    "is_staff": True,
    "is_superuser": False,
    "permission_set": SET,
    "groups": ["analysts"],
    "auth_hash": "5d1c",
    "auth_hash_fallbacks": ["aa", "bb"],
    "backends": ["app.Backend"],
}


def signed(payload: dict[str, Any]) -> str:
    """Return the payload as Django would have signed it for person 7."""
    return SIGNER.sign(principal_entry("7"), payload)


def test_principal_is_written_as_the_documented_payload() -> None:
    """The field names and their order-free lists are the contract with every reader."""
    value = encode_principal(SIGNER, ADA, version=12)
    assert SIGNER.unsign("gatehouse:principal:7", value) == WIRE
    assert decode_principal(SIGNER, "7", value) == ADA


@given(
    principal=st.builds(
        Principal,
        id=st.text(min_size=1),
        username=st.text(),
        email=st.text(),
        is_active=st.booleans(),
        is_superuser=st.booleans(),
        permission_set=st.frozensets(st.text(), max_size=4).map(PermissionSet.of),
        groups=st.frozensets(st.text(), max_size=4),
        auth_hash=st.text(),
        auth_hash_fallbacks=st.lists(st.text(), max_size=3).map(tuple),
        backends=st.lists(st.text(), max_size=3).map(tuple),
    )
)
def test_any_principal_comes_back(principal: Principal) -> None:
    """Whatever names people choose, what is published is what is read."""
    assert decode_principal(SIGNER, principal.id, encode_principal(SIGNER, principal)) == principal


def test_field_of_a_newer_writer_is_ignored() -> None:
    """Django may be upgraded before the API."""
    assert decode_principal(SIGNER, "7", signed({**WIRE, "shoe_size": 39})) == ADA


@pytest.mark.parametrize(
    "name", ["v", "id", "username", "permission_set", "groups", "auth_hash_fallbacks", "backends"]
)
def test_missing_field_is_refused(name: str) -> None:
    """A principal without what a decision needs is no principal."""
    payload = {key: value for key, value in WIRE.items() if key != name}
    with pytest.raises(EntryFormatError):
        decode_principal(SIGNER, "7", signed(payload))


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"id": "8"},
        {"id": 7},
        {"permission_set": 7},
        {"permission_set": None},
        {"permission_set": None, "permissions": None},
        {"groups": 5},
    ],
)
def test_payload_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    """Another version, another id or a list that is none is refused."""
    with pytest.raises(EntryFormatError):
        decode_principal(SIGNER, "7", signed({**WIRE, **change}))


def test_principal_of_before_there_were_sets_is_read() -> None:
    """What an earlier release published lets nobody out: its own list is the set."""
    before = {name: value for name, value in WIRE.items() if name != "permission_set"}
    listed = ["reports.add_report", "reports.view_report"]
    principal = decode_principal(SIGNER, "7", signed({**before, "permissions": listed}))
    assert principal == ADA
    assert principal.permissions == set(listed)


def test_value_says_a_principal_only_in_todays_format_and_word_for_word() -> None:
    """Who publishes leaves alone what says so already; whatever differs is published anew."""
    before = {name: value for name, value in WIRE.items() if name != "permission_set"}
    assert says(SIGNER, ADA, encode_principal(SIGNER, ADA, version=4711))
    for other in (
        signed({**before, "permissions": sorted(ADA.permissions)}),
        encode_principal(SIGNER, replace(ADA, is_staff=False)),
        encode_principal(SIGNER, replace(ADA, permission_set=PermissionSet.of(()))),
        "not ours",
    ):
        assert not says(SIGNER, ADA, other)


def test_principal_under_another_id_is_refused() -> None:
    """One person's entry copied to another's name does not make them that person."""
    with pytest.raises(EntryFormatError):
        decode_principal(SIGNER, "8", encode_principal(SIGNER, ADA))


def test_permissions_are_djangos() -> None:
    """The inactive have none, superusers all, everyone else what is listed."""
    listed, other = "reports.view_report", "reports.delete_report"
    assert ADA.has_permission(listed)
    assert not ADA.has_permission(other)
    assert replace(ADA, is_superuser=True).has_permission(other)
    assert not replace(ADA, is_active=False, is_superuser=True).has_permission(listed)
