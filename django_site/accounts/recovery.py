# mypy: disallow-subclassing-any=False
# (django-allauth has no types.)
"""Taking an account back by e-mail: which address may, and what ends with it.

The link goes to a verified address or, of an account that never proved one, to the account's own
address. A second address that was only typed in is nobody's proof:
its owner may be a stranger, or the stranger may have typed it in.

With the reset every session, every API key, every trusted device and every half-finished log-in
ends. If the account had never proved an address, this is the first proof there is: its other
addresses go, and this one counts as verified. Addresses that nobody has proved yet go with every
new password: whoever typed one in has the link that proves it, and would take the account back by
it. Second factors stay and are asked for: reading the mailbox alone is not enough. The
recovery codes of before end with the first log-in that passes the second factor, for somebody else
may have copied them. Source: Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security 2022;
OWASP ASVS 5.0, 6.4.3.
"""

from typing import Any

from allauth.account.forms import EmailAwarePasswordResetTokenGenerator
from allauth.account.internal.flows.manage_email import sync_user_email_address
from allauth.account.models import EmailAddress
from allauth.core import context
from django.contrib import messages
from django.db import transaction
from django.utils.http import base36_to_int, int_to_base36
from django.utils.translation import gettext

from django_site.publishing.databases import people_database
from django_site.second_factor.recovery_codes import void_recovery_codes
from django_site.security_log import note
from django_site.sessions.index import end_other_sessions
from django_site.signup.addresses import may_take_back
from shared.errors import SessionStoreUnavailable


class AddressToken:
    """A reset link's token that names the address it was sent to:
    ``<Django's token>-<address id in base 36>``.

    It is Django's, over the password, the last log-in, all addresses of the account, and the one
    that it names: the link works once, and not after one of them has changed.
    """

    def __init__(self, email: str = "") -> None:
        self._email = email.lower()

    def make_token(self, person: Any) -> str:
        """Return the token for the person's reset by this address, which must be theirs."""
        sync_user_email_address(person)
        address = EmailAddress.objects.get(user_id=person.pk, email=self._email)
        return f"{_OfAddress(address).make_token(person)}-{int_to_base36(address.pk)}"

    def check_token(self, person: Any, token: str) -> bool:
        """Tell whether the token is this person's,
        and the address that it names may still take the account back."""
        address = self.address(person, token)
        base = token.rpartition("-")[0]
        return (
            address is not None
            and may_take_back(address)
            and bool(_OfAddress(address).check_token(person, base))
        )

    def address(self, person: Any, token: str) -> Any:
        """Return the address of the person's that the token names, unchecked;
        None when there is none."""
        try:
            pk = base36_to_int(token.rpartition("-")[2])
        except ValueError:
            return None
        return EmailAddress.objects.filter(pk=pk, user_id=person.pk).first()


class _OfAddress(EmailAwarePasswordResetTokenGenerator):
    def __init__(self, address: Any) -> None:
        super().__init__()
        self._address = address

    def _make_hash_value(self, person: Any, timestamp: int) -> str:
        value = super()._make_hash_value(person, timestamp)
        return f"{value}|{self._address.pk}:{self._address.email}"


def take_back(person: Any, address: Any, set_password: Any) -> None:
    """Let ``set_password`` give the account its new password,
    and end what must end with the old one.

    All or nothing. Raises SessionStoreUnavailable before anything is changed.
    """
    is_first_proof = not address.verified
    with transaction.atomic(using=people_database()):
        set_password()  # the keys end with it: django_site.keys.signals
        if is_first_proof:
            address.set_verified()
            address.set_as_primary()
        forget_unproved_addresses(person)
        void_recovery_codes(person)
    note(
        "password reset by e-mail",
        is_warning=True,
        user_id=str(person.pk),
        is_first_proof=is_first_proof,
    )
    forget_sessions(person)


def forget_unproved_addresses(person: Any) -> None:
    """Remove the addresses that were only typed in, but the account's own;
    say so on the page that is being answered."""
    own = str(getattr(person, person.get_email_field_name(), "") or "").lower()
    removed, _ = (
        EmailAddress.objects.filter(user_id=person.pk, verified=False).exclude(email=own).delete()
    )
    if not removed:
        return
    note("unproved addresses removed", user_id=str(person.pk), removed=removed)
    if context.request is not None:
        text = gettext(
            "E-mail addresses that were not confirmed yet are removed. Add them again if they are "
            "yours."
        )
        messages.info(context.request, text)


def forget_sessions(person: Any, *, keep: str = "") -> None:
    """Remove the person's sessions but ``keep``; while Redis is away, leave them:
    their password hash is refused anyway."""
    try:
        end_other_sessions(str(person.pk), keep=keep)
    except SessionStoreUnavailable:
        return
