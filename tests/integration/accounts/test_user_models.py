"""Any user model: a UUID for a key, no username, no e-mail address, no permissions,
no is_active."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models
from django.test import override_settings

pytestmark = pytest.mark.usefixtures("site")


@contextmanager
def _user_model(name: str, bases: tuple[Any, ...], **fields: Any) -> Iterator[Any]:
    """Have a user model with a table, which is the site's until the block ends."""
    from django_site.principals.signals import connect

    meta = type("Meta", (), {"app_label": "accounts"})
    model: Any = type(name, bases, {"__module__": __name__, "Meta": meta, **fields})
    with connection.schema_editor() as editor:
        editor.create_model(model)
    try:
        with override_settings(AUTH_USER_MODEL=f"accounts.{name}"):
            connect()
            yield model
    finally:
        del apps.all_models["accounts"][name.lower()]
        apps.clear_cache()
        with connection.schema_editor() as editor:
            editor.delete_model(model)


def _checks() -> list[str]:
    from django_site.principals.checks import check_user_model

    return [str(message.id) for message in check_user_model()]


def _shown(id_: str) -> Any:
    from django_site.principals.publish import find_principal

    return find_principal(id_)


def test_bare_model_with_a_uuid_is_published_rebuilt_and_withdrawn() -> None:
    """AbstractBaseUser alone, with a login name of its own:
    known by Django's own id, with no permissions."""
    from django.contrib.auth.base_user import AbstractBaseUser

    from django_site.principals.publish import publish_with_session
    from django_site.publishing.rebuild import rebuild

    fields = {
        "id": models.UUIDField(primary_key=True, default=uuid.uuid4),
        "badge": models.CharField(max_length=20, unique=True),
        "USERNAME_FIELD": "badge",
    }
    with _user_model("Badge", (AbstractBaseUser,), **fields) as model:
        assert _checks() == []
        # A small one: the run's table of e-mail addresses has whole numbers for people.
        person = model.objects.create(id=uuid.UUID(int=7_000_000_007), badge="b-1", password="!")
        assert _shown(str(person.pk)) is None  # who isn't here needs no entry
        publish_with_session(person.pk)
        shown = _shown(str(person.pk))
        assert (shown.username, shown.email, shown.permissions, shown.is_active) == (
            "b-1",
            "",
            frozenset(),
            True,
        )
        assert shown.auth_hash == person.get_session_auth_hash()
        rebuild()
        assert _shown(str(person.pk)) == shown
        model.objects.all().delete()
        assert _shown(str(person.pk)) is None
    rebuild()


def test_model_without_a_session_hash_is_named_by_the_check() -> None:
    """The API could not notice a changed password, and refuses everybody:
    manage.py check says what is missing."""
    with _user_model("Nobody", (models.Model,), nick=models.CharField(max_length=9)):
        assert _checks() == ["gatehouse.E005"]


def test_operators_know_people_of_any_model_by_their_names() -> None:
    """Whatever the field of the name is, and without an address; nobody has a number here."""
    from django.contrib.auth.base_user import AbstractBaseUser

    from django_site.operators.people import find_person, names_of

    fields = {
        "id": models.UUIDField(primary_key=True, default=uuid.uuid4),
        "badge": models.CharField(max_length=20, unique=True),
        "USERNAME_FIELD": "badge",
    }
    with _user_model("Porter", (AbstractBaseUser,), **fields) as porters:
        # A small one, as above.
        porter = porters.objects.create(id=uuid.UUID(int=7_000_000_008), badge="p-7")
        assert find_person("p-7") == find_person(str(porter.pk)) == str(porter.pk)
        for nobody in ("7000000008", "7", "nobody", "\0"):  # a whole number is no UUID
            assert find_person(nobody) is None
        assert names_of([str(porter.pk), "7", "9" * 30, "gone"]) == {str(porter.pk): "p-7"}
        porters.objects.all().delete()
