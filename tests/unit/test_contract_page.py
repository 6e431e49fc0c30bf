"""docs/session-contract.md is followed to the letter, as a service in another language would,
and compared with the code."""

import base64
import hashlib
import hmac
import json
import re
from pathlib import Path

import pytest

from shared.contract.entries import permissions_entry, principal_entry, session_entry
from shared.contract.permissions import digest_of
from shared.contract.principal import decode_principal, encode_principal
from shared.contract.session import Lifetimes, SessionFormat
from shared.contract.signing import EntrySigner
from shared.settings import ContractSettings

PAGE = (Path(__file__).parents[2] / "docs/session-contract.md").read_text()
SECRET = "gatehouse-example-secret-0123456789abcdef"
SESSION_KEY = "0123456789abcdefghijklmnopqrstuv"
SIGNED_AT = 1_795_165_200  # 2026-11-20 09:00:00 UTC


def _block(name: str) -> str:
    found = re.search(rf"^```\w+ {name}\n(.*?)\n```", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert found, name
    return found.group(1)


def test_examples_secret_and_key_are_on_the_page() -> None:
    """The example can be followed from the page alone."""
    assert f"`{SECRET}`" in PAGE
    assert f"`{SESSION_KEY}`" in PAGE


def test_value_on_the_page_verifies_by_the_pages_own_steps() -> None:
    """The written algorithm, with nothing of Django or Gatehouse, accepts the written bytes."""
    signed, _, signature = _block("value").rpartition(":")
    salt = "gatehouse.entry.v1:" + _block("entry")
    key = hashlib.sha256((salt + "signer" + SECRET).encode()).digest()
    expected = base64.urlsafe_b64encode(
        hmac.new(key, signed.encode(), hashlib.sha256).digest()
    ).rstrip(b"=")
    payload = signed.partition(":")[0]
    assert hmac.compare_digest(expected.decode(), signature)
    assert json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))) == json.loads(
        _block("payload")
    )


def test_value_on_the_page_is_what_the_code_reads_and_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Golden bytes: a change of the wire format fails here."""
    monkeypatch.setattr("django.core.signing.time.time", lambda: SIGNED_AT)
    sessions = SessionFormat(EntrySigner([SECRET]), Lifetimes(idle_s=604_800, absolute_s=2_592_000))
    entry = session_entry(SESSION_KEY)
    record = sessions.decode(entry, _block("value"), now=SIGNED_AT)
    assert entry == _block("entry")
    assert sessions.encode(entry, record) == _block("value")
    assert record.user_id == "7"


def test_principal_on_the_page_is_what_the_code_writes() -> None:
    """Every field, the version among them; the lists and their order too."""
    signer, written = EntrySigner([SECRET]), json.loads(_block("principal"))
    principal = decode_principal(signer, "7", signer.sign(principal_entry("7"), written))
    value = encode_principal(signer, principal, version=written["version"])
    assert signer.unsign(principal_entry("7"), value) == written


def test_name_of_permissions_on_the_page_is_what_the_code_makes() -> None:
    """By the page's own words, and in the principal above it."""
    names = json.dumps(["reports.view_report"], separators=(",", ":"))
    digest = hashlib.sha256(names.encode()).hexdigest()
    assert _block("permissions") == permissions_entry(digest)
    assert digest == digest_of(["reports.view_report"])
    assert json.loads(_block("principal"))["permission_set"] == digest


def test_lifetimes_on_the_page_are_the_defaults() -> None:
    """The numbers written down are the numbers in force."""
    for name in ("session_idle_s", "session_absolute_s"):
        default = ContractSettings.model_fields[name].default
        assert f"`GATEHOUSE_{name.upper()}` | {default} s ({default // 86_400} days)" in PAGE
