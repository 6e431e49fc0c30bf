"""When did a person last prove who they are? What step-up and the making of keys decide by."""

from typing import Any

import pytest

from shared.contract.session import SessionRecord

BEGAN_AT, PROVED_AT = 1_000, 2_000


@pytest.mark.parametrize(
    ("data", "at"),
    [
        ({}, BEGAN_AT),
        ({"account_authentication_methods": [{"method": "password", "at": PROVED_AT}]}, PROVED_AT),
        (
            {
                "account_authentication_methods": [{"at": PROVED_AT}],
                "account_authentication_methods_user": "7",
            },
            PROVED_AT,
        ),
        (
            {
                "account_authentication_methods": [{"at": PROVED_AT}],
                "account_authentication_methods_user": "8",
            },
            BEGAN_AT,
        ),
        ({"account_authentication_methods": "canary"}, BEGAN_AT),
        ({"account_authentication_methods": ["canary", {"method": "password"}]}, BEGAN_AT),
    ],
)
def test_proof_counts_for_the_person_of_the_session_only(data: dict[str, Any], at: int) -> None:
    """A record that django-allauth made for somebody else in the same browser is no proof."""
    record = SessionRecord(
        data={"_auth_user_id": "7", **data}, created_at=BEGAN_AT, expires_at=9_000
    )
    assert record.authenticated_at == at
