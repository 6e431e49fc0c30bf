"""The signature on every entry: what verifies, and all that must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contract.signing import (
    LONGEST,
    MOST_VALUES,
    EntrySigner,
    RememberingSigner,
    _signature,
)
from shared.errors import EntryFormatError
from tests.signing_time import set_clock

OLD = "the-old-secret-of-at-least-32-characters"
NEW = "the-new-secret-of-at-least-32-characters"
ENTRY = "gatehouse:principal:7"
SIGNED_AT = 1_763_629_200

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(payload=st.dictionaries(st.text(), json_values, max_size=5), entry=st.text(min_size=1))
def test_any_payload_signed_for_an_entry_comes_back(payload: dict[str, object], entry: str) -> None:
    """What is signed under an entry's name is read back under it, whatever JSON it is."""
    signer = EntrySigner([NEW])
    assert signer.unsign(entry, signer.sign(entry, payload)) == payload


@given(content=st.text(), secret=st.text(min_size=1), entry=st.text())
def test_what_django_signs_is_what_we_take_for_signed(
    content: str, secret: str, entry: str
) -> None:
    """Django's signer writes, and what it writes we check by ourselves:
    the signature of any text is the same."""
    signed, _, signature = EntrySigner([secret])._signer(entry).sign(content).rpartition(":")
    assert _signature(secret, entry, signed.encode()).decode() == signature


def test_every_altered_character_is_refused() -> None:
    """No character of the value can be changed, removed or doubled, at any position."""
    signer = EntrySigner([NEW])
    value = signer.sign(ENTRY, {"id": "7"})
    for at, character in enumerate(value):
        other = "A" if character != "A" else "B"
        for altered in (
            value[:at] + other + value[at + 1 :],
            value[:at] + value[at + 1 :],
            value[:at] + character + value[at:],
        ):
            if altered != value:
                with pytest.raises(EntryFormatError):
                    signer.unsign(ENTRY, altered)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ":",
        "::",
        "a",
        "a:b",
        "a:b:c",
        ":::::",
        "\x00",
        "é",
        "x" * 100_000,
        "gASVBAAAAAAAAABLAS4=",
    ],
)
def test_value_that_was_never_signed_is_refused(value: str) -> None:
    """Whatever else stands under an entry gives one error, never another exception."""
    with pytest.raises(EntryFormatError, match="does not verify"):
        EntrySigner([NEW]).unsign(ENTRY, value)


def test_value_under_another_entry_is_refused() -> None:
    """A value copied from one person's entry to another's does not verify there."""
    signer = EntrySigner([NEW])
    value = signer.sign(ENTRY, {"id": "7"})
    for entry in ("gatehouse:principal:8", "gatehouse:session:7", ""):
        with pytest.raises(EntryFormatError):
            signer.unsign(entry, value)


def test_value_of_another_secret_is_refused() -> None:
    """Only who holds the secret can write an entry."""
    with pytest.raises(EntryFormatError):
        EntrySigner([NEW]).unsign(ENTRY, EntrySigner([OLD]).sign(ENTRY, {}))


def test_rotated_secret_verifies_while_it_is_listed() -> None:
    """The first secret signs and every listed one verifies;
    one that was removed verifies no more."""
    before, during, after = EntrySigner([OLD]), EntrySigner([NEW, OLD]), EntrySigner([NEW])
    old_value, new_value = before.sign(ENTRY, {"n": 1}), during.sign(ENTRY, {"n": 2})
    assert during.unsign(ENTRY, old_value) == {"n": 1}
    assert during.unsign(ENTRY, new_value) == {"n": 2}
    assert after.unsign(ENTRY, new_value) == {"n": 2}
    with pytest.raises(EntryFormatError):
        after.unsign(ENTRY, old_value)
    with pytest.raises(EntryFormatError):
        before.unsign(ENTRY, new_value)


def test_signature_past_its_greatest_age_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value verifies up to the last second of its greatest age and not a second longer."""
    signer = EntrySigner([NEW])
    set_clock(monkeypatch, SIGNED_AT)
    value = signer.sign(ENTRY, {"id": "7"})
    set_clock(monkeypatch, SIGNED_AT + 60)
    assert signer.unsign(ENTRY, value, max_age_s=60) == {"id": "7"}
    set_clock(monkeypatch, SIGNED_AT + 61)
    with pytest.raises(EntryFormatError, match="older than"):
        signer.unsign(ENTRY, value, max_age_s=60)
    assert signer.unsign(ENTRY, value) == {"id": "7"}


@pytest.mark.parametrize("payload", [[], "text", 7, None, True])
def test_signed_value_that_is_no_object_is_refused(payload: object) -> None:
    """Even with a good signature, what is not a JSON object is no entry of ours."""
    signer = EntrySigner([NEW])
    value = signer.sign(ENTRY, payload)  # type: ignore[arg-type]  # what a careless writer would do
    with pytest.raises(EntryFormatError, match="not a JSON object"):
        signer.unsign(ENTRY, value)


@pytest.mark.parametrize(
    "content", ["", "!!!!", "AAAAA", "bm90IGpzb24", "_____w", ".", ".AAAA", ".eJwDAAAAAAE"]
)
def test_signed_content_that_is_no_json_is_refused(content: str) -> None:
    """Even with a good signature, what is not base64url of JSON is refused by the same error."""
    signer = EntrySigner([NEW])
    value = signer._signer(ENTRY).sign(content)
    with pytest.raises(EntryFormatError, match="not base64url JSON"):
        signer.unsign(ENTRY, value)


def test_payload_that_is_no_json_is_not_signed() -> None:
    """A payload that could not be read back is refused when it is written."""
    with pytest.raises(TypeError):
        EntrySigner([NEW]).sign(ENTRY, {"at": object()})


def test_stored_bytes_are_the_frozen_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes of 2025 are written and read for ever:
    another salt or order would log everyone out."""
    set_clock(monkeypatch, SIGNED_AT)
    signer = EntrySigner(["golden-secret-of-at-least-32-characters"])
    golden = "eyJpZCI6IjcifQ:1vM0WG:17H4wO0m-8qjiBI_VDTb8dI4hlrDlJExAK8BnGg8spg"
    assert signer.sign(ENTRY, {"id": "7"}) == golden
    assert signer.unsign(ENTRY, golden) == {"id": "7"}


def test_only_the_same_text_under_the_same_name_is_known() -> None:
    """Another name, another value, every changed character and another age are judged anew,
    however often the good one was seen."""
    signer = RememberingSigner([NEW])
    value = EntrySigner([NEW]).sign(ENTRY, {"id": "7"})
    for _ in range(3):
        assert signer.unsign(ENTRY, value, max_age_s=60) == {"id": "7"}
    changed = [
        f"{value[:at]}{chr(ord(value[at]) ^ 1)}{value[at + 1 :]}" for at in range(len(value))
    ]
    for entry, text in [
        ("gatehouse:principal:8", value),
        (ENTRY, ""),
        *((ENTRY, each) for each in changed),
    ]:
        for _ in range(2):
            with pytest.raises(EntryFormatError):
                signer.unsign(entry, text, max_age_s=60)
    with pytest.raises(EntryFormatError):
        signer.unsign(ENTRY, value, max_age_s=-1)
    with pytest.raises(EntryFormatError):
        RememberingSigner([OLD]).unsign(ENTRY, value)


def test_it_verifies_once_and_holds_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last used stay; long values are not held at all."""
    counted, signature = [], EntrySigner._verify

    def count(signer: EntrySigner, entry: str, value: str) -> object:
        counted.append(entry)
        return signature(signer, entry, value)

    monkeypatch.setattr(EntrySigner, "_verify", count)
    signer, plain = RememberingSigner([NEW]), EntrySigner([NEW])
    kept = plain.sign(ENTRY, {})
    for number in range(3 * MOST_VALUES):
        signer.unsign(f"entry:{number}", plain.sign(f"entry:{number}", {}))
        signer.unsign(ENTRY, kept)
    assert counted.count(ENTRY) == 1
    assert len(signer._young) + len(signer._old) <= 2 * MOST_VALUES
    long = plain.sign(ENTRY, {"cart": "x" * LONGEST})
    assert signer.unsign(ENTRY, long) == signer.unsign(ENTRY, long)
    assert counted.count(ENTRY) == 3
