"""The session record: its bytes, its two lifetimes, and everything that is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.entries import is_session_key, session_entry
from shared.contract.session import Lifetimes, SessionFormat, SessionRecord
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError
from tests.signing_time import set_clock

CREATED_AT = 1_763_629_200
LIFETIMES = Lifetimes(idle_s=604_800, absolute_s=2_592_000)
ENTRY = session_entry("a" * 32)
SIGNER = EntrySigner(["golden-secret-of-at-least-32-characters"])
FORMAT = SessionFormat(SIGNER, LIFETIMES)
GOLDEN = (
    "eyJ2IjoxLCJjcmVhdGVkX2F0IjoxNzYzNjI5MjAwLCJleHBpcmVzX2F0IjoxNzY0MjM0MDAwLCJkYXRhIjp7Il9hdXRoX3VzZXJfaWQiOiI3IiwiX2F1d"
    "GhfdXNlcl9oYXNoIjoiNWQxYyJ9fQ:1vM0WG:-yQ2fChLUkDcv8WTB7TaoOOxgFPurLYotspsRUYUOt4"
)
RECORD = SessionRecord(
    data={"_auth_user_id": "7", "_auth_user_hash": "5d1c"},
    created_at=CREATED_AT,
    expires_at=CREATED_AT + LIFETIMES.idle_s,
)


@pytest.fixture(autouse=True)
def _at_creation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the signers believe that it is the moment the session began."""
    set_clock(monkeypatch, CREATED_AT)


def test_entry_name_is_the_digest_of_the_session_key() -> None:
    """The entry's name is part of the contract and holds no usable cookie."""
    assert (
        ENTRY
        == "gatehouse:session:3ba3f5f43b92602683c19aee62a20342b084dd5971ddd33808d81a328879a547"
    )


def test_stored_bytes_are_the_frozen_format() -> None:
    """A session written by any version is these bytes,
    and these bytes are read by every version."""
    assert FORMAT.encode(ENTRY, RECORD) == GOLDEN
    assert FORMAT.decode(ENTRY, GOLDEN, now=CREATED_AT) == RECORD


@given(
    data=st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.lists(st.text()))
)
def test_any_session_data_comes_back(data: dict[str, Any]) -> None:
    """What Django puts into a session is what Flask reads out of it."""
    signer = EntrySigner(["another-secret-of-at-least-32-characters"])
    format_ = SessionFormat(signer, Lifetimes(idle_s=60, absolute_s=2**40))
    record = SessionRecord(data=data, created_at=CREATED_AT, expires_at=CREATED_AT + 60)
    assert format_.decode(ENTRY, format_.encode(ENTRY, record), now=CREATED_AT + 59) == record


def test_record_under_another_entry_is_refused() -> None:
    """A session copied under another key is not that key's session."""
    with pytest.raises(EntryFormatError, match="does not verify"):
        FORMAT.decode(session_entry("b" * 32), GOLDEN, now=CREATED_AT)


def test_session_ends_at_its_idle_lifetime() -> None:
    """The last second counts, the next does not."""
    FORMAT.decode(ENTRY, GOLDEN, now=RECORD.expires_at - 0.001)
    with pytest.raises(EntryFormatError, match="idle lifetime"):
        FORMAT.decode(ENTRY, GOLDEN, now=RECORD.expires_at)


def test_renewed_session_ends_at_its_absolute_lifetime() -> None:
    """Saving a session again, with a new signature and expiry,
    does not make it live past its absolute lifetime."""
    end = CREATED_AT + LIFETIMES.absolute_s
    renewed = SessionRecord(data=RECORD.data, created_at=CREATED_AT, expires_at=end + 1000)
    value = FORMAT.encode(ENTRY, renewed)
    assert FORMAT.decode(ENTRY, value, now=end - 1) == renewed
    with pytest.raises(EntryFormatError, match="absolute lifetime"):
        FORMAT.decode(ENTRY, value, now=end)


def test_old_signature_is_refused_whatever_the_record_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value kept aside for longer than the absolute lifetime is refused by its time stamp
    alone."""
    record = SessionRecord(data={}, created_at=CREATED_AT + 10**9, expires_at=CREATED_AT + 10**9)
    value = FORMAT.encode(ENTRY, record)
    set_clock(monkeypatch, CREATED_AT + LIFETIMES.absolute_s + 1)
    with pytest.raises(EntryFormatError, match="older than the absolute lifetime"):
        FORMAT.decode(ENTRY, value, now=CREATED_AT)


@pytest.mark.parametrize(
    "change",
    [
        {"v": None},
        {"v": 2},
        {"v": "1"},
        {"data": None},
        {"data": []},
        {"data": "x"},
        {"created_at": None},
        {"created_at": "1763629200"},
        {"created_at": 1.5},
        {"expires_at": None},
        {"expires_at": "1764234000"},
    ],
)
def test_signed_record_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    """Another version or a missing or mistyped field is refused though its signature is good."""
    payload = {
        "v": 1,
        "data": {},
        "created_at": CREATED_AT,
        "expires_at": CREATED_AT + 60,
        **change,
    }
    kept = {name: value for name, value in payload.items() if value is not None}
    with pytest.raises(EntryFormatError):
        FORMAT.decode(ENTRY, SIGNER.sign(ENTRY, kept), now=CREATED_AT)


def test_unserializable_session_data_is_not_written() -> None:
    """Session data that is no JSON is the caller's mistake, told when it is written."""
    with pytest.raises(TypeError):
        FORMAT.encode(
            ENTRY,
            SessionRecord(data={"x": {1, 2}}, created_at=CREATED_AT, expires_at=CREATED_AT + 60),
        )


@pytest.mark.parametrize(
    ("data", "user_id", "auth_hash"),
    [
        ({}, None, ""),
        ({"_auth_user_id": 7, "_auth_user_hash": None}, "7", ""),
        (RECORD.data, "7", "5d1c"),
    ],
)
def test_record_says_who_logged_in(
    data: dict[str, Any], user_id: str | None, auth_hash: str
) -> None:
    """An anonymous session has no user id; an id is text whatever Django stored."""
    record = SessionRecord(data=data, created_at=0, expires_at=0)
    assert (record.user_id, record.auth_hash) == (user_id, auth_hash)


@pytest.mark.parametrize(
    ("own", "hashes", "is_one"),
    [
        ("5d1c", ("5d1c",), True),
        ("5d1c", ("", "77aa", "5d1c"), True),
        ("5d1c", ("77aa", ""), False),
        ("5d1c", (), False),
        ("", ("5d1c",), False),
        ("", ("",), False),
    ],
)
def test_record_has_one_of_the_hashes_of_its_person(
    own: str, hashes: tuple[str, ...], is_one: bool
) -> None:
    """The hash of today or one under an older secret; a session without one is nobody's."""
    record = SessionRecord(data={"_auth_user_hash": own}, created_at=0, expires_at=0)
    assert record.has_hash_of(hashes) is is_one


@pytest.mark.parametrize(("now", "left_s"), [(0, 60), (59.5, 0), (60, 0), (70, -10)])
def test_remaining_time_counts_to_the_nearer_end(now: float, left_s: int) -> None:
    """What is left is whole seconds to the idle or the absolute end, whichever comes first."""
    idle_first = SessionRecord(data={}, created_at=0, expires_at=60)
    absolute_first = SessionRecord(data={}, created_at=60 - LIFETIMES.absolute_s, expires_at=10**6)
    assert FORMAT.remaining_s(idle_first, now=now) == left_s
    assert FORMAT.remaining_s(absolute_first, now=now) == left_s


@pytest.mark.parametrize(
    "candidate",
    [
        "",
        "a" * 31,
        "a" * 33,
        "A" * 32,
        "a" * 31 + "\n",
        "a" * 32 + "\n",
        "a" * 31 + "é",
        "rq:job:x",
        "../" * 11,
        "٣" * 32,
        "a" * 10**6,
    ],
)
def test_what_is_no_session_key_is_told_apart(candidate: str) -> None:
    """Only 32 of [a-z0-9] are a session key; nothing else is ever asked of Redis."""
    assert not is_session_key(candidate)
    assert is_session_key("0123456789abcdefghijklmnopqrstuv")
