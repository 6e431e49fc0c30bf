"""How many wrong passwords are taken, and from whom:
a stranger can't guess for long, nor lock the owner out.

Failures are counted, by all processes together, against these limits:

    a browser that the person has logged in with before   5 in 5 minutes, counted by itself
    anyone else, by address (IPv6: /48)                   10 in a minute, whatever the account
    anyone else, by account and network (/24, /48)        5 in 5 minutes
    anyone else, by account                               50 in an hour, from all networks together

and, before these, forms sent to the page: 30 in a minute by address, of a known browser by itself.
So nothing that others do at one's address, in one's network or to one's account keeps a known
browser out. The current password, asked for before something is changed, counts like that of a
log-in. An account that isn't there is counted like one that is.
Source: OWASP ASVS 5.0, 6.3.1; OWASP device cookies.
"""

from typing import Any

from allauth.account.internal.userkit import filter_users_by_email, get_user_by_username
from allauth.core.internal import ratelimit
from django.http import HttpRequest, HttpResponse

from django_site.accounts.attempts import CountedAttempt, Limit, count_attempt, forget_attempts
from django_site.accounts.device_cookie import known_device, knows_anybody
from django_site.client_address import current_address
from django_site.security_log import note, typed
from shared.http.client_address import network_of

_LONGEST_LOGIN = 320  # an e-mail address


def find_person(credentials: dict[str, Any]) -> Any:
    """Return whom the typed name means, None for nobody; asks the database the same for a name that
    isn't there. A name that is no address means nobody by address: some accounts have none."""
    by_name = get_user_by_username(
        str(credentials.get("username") or credentials.get("email") or "")
    )
    email = str(credentials.get("email") or "")
    by_email = filter_users_by_email(email, prefer_verified=True, for_login=True) if email else ()
    return by_name or (by_email[0] if by_email else None)


def named(credentials: dict[str, Any], person: Any) -> dict[str, str]:
    """Return how the security log names whom a log-in was for: never by what was typed."""
    if person is not None:
        return {"user_id": str(person.pk)}
    return {
        "login": typed(str(credentials.get("username") or credentials.get("email") or "").lower())
    }


def refuse_page(request: HttpRequest) -> HttpResponse | None:
    """Count a form that was sent to the log-in page;
    return the answer 429 when there were too many, else None."""
    login = (
        request.POST.get("login", "")[:_LONGEST_LOGIN]
        if request.method == "POST" and knows_anybody(request)
        else ""
    )
    person = find_person({"username": login, "email": login}) if login else None
    nonce = None if person is None else known_device(request, person)
    limit = ("login_page", "") if nonce is None else ("login_page_device", f"device:{nonce}")
    if request.method == "GET" or count_attempt(request, [limit]):
        return None
    answer: HttpResponse = ratelimit.respond_429(request)
    return answer


def check_current_password(request: HttpRequest, person: Any, password: str) -> bool | None:
    """Tell whether this is the password of who is logged in, None when too many were wrong;
    counted and logged as a log-in."""
    taken = take_attempt(request, {}, person)
    if taken is None:
        note(
            "current password refused",
            is_warning=True,
            reason="too_many_attempts",
            user_id=str(person.pk),
        )
        return None
    if person.check_password(password):
        taken.rollback()
        return True
    note(
        "current password refused", is_warning=True, reason="wrong_password", user_id=str(person.pk)
    )
    return False


def take_attempt(
    request: HttpRequest, credentials: dict[str, Any], person: Any
) -> CountedAttempt | None:
    """Count one attempt; return what gives it back when the password is right,
    None when there were too many."""
    return count_attempt(request, _limits(request, credentials, person))


def forget_attempts_of(request: HttpRequest, person: Any) -> None:
    """Forget the account's attempts: after a reset by e-mail, which has limits of its own."""
    forget_attempts(request, _limits(request, {}, person))


def _limits(request: HttpRequest, credentials: dict[str, Any], person: Any) -> list[Limit]:
    nonce = None if person is None else known_device(request, person)
    if nonce is not None:
        return [("login_failed", f"device:{nonce}")]
    account = ":".join(next(iter(named(credentials, person).items())))
    near = f"{account}@{network_of(current_address())}"
    return [("login_failed", near), ("login_failed_account", account), ("login_failed_address", "")]
