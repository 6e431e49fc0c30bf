"""/account/keys/ for the command-line client: JSON in, JSON out, errors as problem+json (RFC 9457).

    GET    /account/keys/       Accept: application/json
                                {"keys": [{"id", "name", "scopes", "created_at", ...}]}
    POST   /account/keys/       {"name", "scopes", "expires_in_days"}
                                201, the same with "key": shown only here
    DELETE /account/keys/<id>/  204

Authenticated by the session alone, with Django's cross-site token in the header X-CSRFToken.
And for the holder of a key:

    DELETE /account/keys/current/  Authorization: Bearer gh_...
                                   204, that key is revoked (as RFC 7009 has it for tokens)
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Annotated, Any

from django.core.exceptions import RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError
from pydantic_core import from_json, to_json

from django_site.keys.forms import KeyForm, default_days
from django_site.keys.issue import create_key, revoke_keys
from django_site.keys.last_used import last_used
from django_site.keys.models import ApiKey
from django_site.keys.recent_login import is_recent, max_age_s
from django_site.problem import problem
from shared.contract.api_keys import is_key
from shared.contract.entries import digest
from shared.errors import RecentLoginRequired

MAX_BODY_BYTES = 65_536
_MAX_ERRORS = 20


class _Wanted(BaseModel):
    """The types of a body; the form has the rules."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: str
    scopes: Annotated[list[str], FailFast()] = []
    expires_in_days: int = Field(default_factory=default_days)


def listing(request: HttpRequest) -> HttpResponse:
    """Answer GET: the person's live keys, without secrets."""
    keys = list(ApiKey.objects.of(request.user).live())
    used = last_used(keys)
    return JsonResponse({"keys": [_described(key, used.get(key.pk)) for key in keys]})


def create(request: HttpRequest) -> HttpResponse:
    """Answer POST: make a key and show it, this once."""
    if not is_recent(request):
        stale = RecentLoginRequired(max_age_s=max_age_s())
        return problem(401, stale.code, stale.message)
    try:
        wanted = _wanted(_body(request))
    except RequestDataTooBig:
        return problem(413, "body_too_large", f"Send at most {MAX_BODY_BYTES} bytes.")
    except ValidationError as error:
        return _wrong_types(error)
    form = KeyForm(wanted.model_dump())
    if not form.is_valid():
        return _invalid(
            [
                (f"/{field}", str(message))
                for field, messages in form.errors.items()
                for message in messages
            ]
        )
    try:
        key, token = create_key(request.user, **form.wanted())
    except DjangoValidationError as error:
        if error.code != "email_unverified":
            return problem(409, str(error.code), error.messages[0])
        where = request.build_absolute_uri(reverse("account_email"))
        return problem(403, error.code, f"{error.messages[0]} {where}")
    return JsonResponse({**_described(key, None), "key": token}, status=201)


def revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    """Answer DELETE: revoke one of the person's live keys; anyone else's is not there."""
    if not revoke_keys(ApiKey.objects.of(request.user).filter(pk=key_id), by=request.user):
        return problem(404, "key_not_found", "You have no such key.")
    return HttpResponse(status=204)


def revoke_presented(request: HttpRequest) -> HttpResponse:
    """Answer DELETE with a key: revoke it. A log-in is not needed;
    one that is no live key is 401, whatever else it is."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    keys = ApiKey.objects.filter(token_digest=digest(token))
    key = (
        keys.live().select_related("user").first()
        if scheme.lower() == "bearer" and is_key(token)
        else None
    )
    if key is None or not revoke_keys(keys, by=key.user):
        return problem(
            401, "not_authenticated", "Send the key to revoke as 'Authorization: Bearer gh_...'."
        )
    return HttpResponse(status=204)


def _body(request: HttpRequest) -> bytes:
    declared = str(request.META.get("CONTENT_LENGTH") or "")[:20]
    # Django's own limit is for whole forms with files, and it reads first.
    if (declared.isdecimal() and int(declared) > MAX_BODY_BYTES) or len(
        request.body
    ) > MAX_BODY_BYTES:
        raise RequestDataTooBig
    return request.body


def _wanted(text: bytes) -> _Wanted:
    """Read the body. Of unknown members only some are looked at:
    each would be an error of its own."""
    try:
        body = from_json(text)
    except ValueError:
        return _Wanted.model_validate_json(text)  # which says what is wrong
    if isinstance(body, dict):
        unknown = islice((name for name in body if name not in _Wanted.model_fields), _MAX_ERRORS)
        body = {
            name: body[name] for name in (*(body.keys() & _Wanted.model_fields.keys()), *unknown)
        }
    return _Wanted.model_validate_json(to_json(body))


def _wrong_types(error: ValidationError) -> HttpResponse:
    lines = error.errors(include_url=False, include_context=False, include_input=False)
    if lines[0]["type"] == "json_invalid":
        return problem(400, "bad_request", "The body is not JSON in UTF-8.")
    return _invalid([(_pointer(line["loc"]), line["msg"]) for line in lines])


def _invalid(errors: Iterable[tuple[str, str]]) -> HttpResponse:
    lines = [{"pointer": pointer, "detail": detail} for pointer, detail in errors][:_MAX_ERRORS]
    return problem(422, "invalid_arguments", "The key can't be made as asked.", errors=lines)


def _pointer(path: Iterable[int | str]) -> str:
    """Return the JSON Pointer (RFC 6901) of a place in the body;
    a name of the client's own is cut short."""
    return "".join("/" + str(part)[:100].replace("~", "~0").replace("/", "~1") for part in path)


def _described(key: ApiKey, used_at: datetime | None) -> dict[str, Any]:
    return {
        "id": str(key.pk),
        "name": key.name,
        "scopes": key.scopes,
        "created_at": _iso(key.created_at),
        "last_used_at": used_at and _iso(used_at),
        "expires_at": _iso(key.expires_at),
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
