"""API keys: their form, their entropy, their record."""

import re
import secrets
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.api_keys import KeyRecord, decode_key, encode_key, is_key, is_scope, new_key
from shared.contract.entries import digest, key_entry, key_entry_of_digest
from shared.contract.signing import EntrySigner
from shared.errors import EntryFormatError

SIGNER = EntrySigner(["a-secret-of-at-least-32-characters-here"])
DIGEST = digest("some key")
EXPIRES_AT = 1_771_405_200
RECORD = KeyRecord(
    id="12",
    user_id="7",
    name="nightly",
    scopes=frozenset({"jobs:submit", "jobs:read"}),
    expires_at=EXPIRES_AT,
)
WIRE: dict[str, Any] = {
    "v": 1,
    "version": 12,
    "id": "12",
    "user_id": "7",
    "name": "nightly",
    "scopes": ["jobs:read", "jobs:submit"],
    "expires_at": EXPIRES_AT,
}


def test_new_key_has_the_form_that_scanners_match() -> None:
    """A key can be told from any other text by its prefix, length and alphabet."""
    keys = [new_key() for _ in range(50)]
    assert len(set(keys)) == 50
    for key in keys:
        assert re.fullmatch(r"gh_[0-9A-Za-z]{49}", key)
        assert is_key(key)


def test_new_key_holds_256_random_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """256 bits are asked of the system, and every one of them can be read back from the key."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    for number in (0, 1, 2**255, 2**256 - 1):
        asked: list[int] = []

        def randbits(bits: int, *, number: int = number, asked: list[int] = asked) -> int:
            asked.append(bits)
            return number

        with monkeypatch.context() as patch:
            patch.setattr(secrets, "randbits", randbits)
            key = new_key()
        read = 0
        for character in key.removeprefix("gh_")[:43]:
            read = read * 62 + alphabet.index(character)
        assert (read, asked) == (number, [256])


def test_key_with_one_other_character_is_refused() -> None:
    """The checksum catches every single typing mistake."""
    key = new_key()
    for at in range(len(key)):
        for other in "0aZ_":
            if key[at] != other:
                assert not is_key(key[:at] + other + key[at + 1 :])


@pytest.mark.parametrize(
    "candidate",
    ["", "gh_", "gh_" + "0" * 48, "gh_" + "0" * 50, "gh_" + "é" * 49, "٣" * 52, "x" * 10**6],
)
def test_text_that_is_no_key_is_refused(candidate: str) -> None:
    """What has another length or alphabet is no key,
    and neither is a key with something around it."""
    assert not is_key(candidate)
    key = new_key()
    assert not any(
        is_key(text) for text in (key + "\n", " " + key, key + "0", key.upper(), key[3:])
    )


def test_known_key_keeps_its_checksum() -> None:
    """Keys that people hold stay keys: the checksum is part of the format."""
    assert is_key("gh_" + "0" * 43 + "2CZclj")


@pytest.mark.parametrize(
    "scope", ["jobs:read", "jobs:submit", "jobs:cancel", "tasks:primes.sum", "tasks:" + "a" * 100]
)
def test_scope_of_the_grammar_is_accepted(scope: str) -> None:
    """The three scopes of jobs, and one per task name."""
    assert is_scope(scope)


@pytest.mark.parametrize(
    "scope",
    [
        *(
            "",
            "jobs",
            "jobs:",
            "jobs:*",
            "jobs:write",
            "JOBS:READ",
            "jobs:read ",
            "jobs:read\n",
            "xjobs:read",
            "jobs:readx",
        ),
        *(
            "tasks:",
            "tasks:*",
            "tasks:Primes",
            "tasks:a b",
            "tasks:a-b",
            "tasks:" + "a" * 101,
            "tasks:é",
            "jobs:read|jobs:submit",
        ),
    ],
)
def test_scope_beyond_the_grammar_is_refused(scope: str) -> None:
    """No wildcard, no case, no white space, nothing before or after."""
    assert not is_scope(scope)


def test_record_is_written_as_the_documented_payload() -> None:
    """The field names are the contract; the entry's name is the digest of the key."""
    value = encode_key(SIGNER, DIGEST, RECORD, version=12)
    assert SIGNER.unsign(f"gatehouse:key:{DIGEST}", value) == WIRE
    assert decode_key(SIGNER, DIGEST, value, now=0) == RECORD
    assert key_entry("some key") == key_entry_of_digest(DIGEST)


@given(name=st.text(), scopes=st.frozensets(st.text(), max_size=5))
def test_any_record_comes_back(name: str, scopes: frozenset[str]) -> None:
    """Whatever a person calls their key, it is read as it was written."""
    record = replace(RECORD, name=name, scopes=scopes)
    assert decode_key(SIGNER, DIGEST, encode_key(SIGNER, DIGEST, record), now=0) == record


def test_key_ends_at_its_expiry() -> None:
    """The key works up to its last moment and not at it."""
    value = encode_key(SIGNER, DIGEST, RECORD)
    assert decode_key(SIGNER, DIGEST, value, now=EXPIRES_AT - 0.001) == RECORD
    with pytest.raises(EntryFormatError, match="expired"):
        decode_key(SIGNER, DIGEST, value, now=EXPIRES_AT)


def test_record_of_another_key_is_refused() -> None:
    """A record copied under another key's digest gives that key nothing."""
    with pytest.raises(EntryFormatError, match="does not verify"):
        decode_key(SIGNER, digest("another key"), encode_key(SIGNER, DIGEST, RECORD), now=0)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        *({name: None} for name in WIRE if name != "version"),
        {"scopes": 5},
        {"expires_at": "soon"},
        {"expires_at": []},
    ],
)
def test_record_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    """Another version, a missing field or an expiry that is no time is refused though its signature
    is good."""
    payload = {name: value for name, value in {**WIRE, **change}.items() if value is not None}
    with pytest.raises(EntryFormatError):
        decode_key(SIGNER, DIGEST, SIGNER.sign(key_entry_of_digest(DIGEST), payload), now=0)
