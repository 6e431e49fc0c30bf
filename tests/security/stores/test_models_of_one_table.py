"""Whoever changes a person through another model of the same table has changed the person:
refused on the next request."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from django.apps import apps
from django.db import connection, models
from flask import Flask

from tests.integration.gate.gate_bench import Visitor, ask, new_visitor

pytestmark = pytest.mark.usefixtures("site")


class Models(NamedTuple):
    """Models that share a table with the person, the group or the key.
    They are made when all receivers are connected."""

    proxy: Any
    child: Any
    twin: Any
    group_proxy: Any
    group_child: Any
    key_proxy: Any


@pytest.fixture(scope="module")
def kin(site: None) -> Iterator[Models]:
    """The models, made now, with their tables; afterwards Django forgets them."""
    from django.contrib.auth.models import Group

    from django_site.accounts.models import User
    from django_site.keys.models import ApiKey

    def proxy_of(base: Any) -> Any:
        return _model(f"{base.__name__}Proxy", base, {"proxy": True})

    columns: dict[str, Any] = {
        "username": models.CharField(max_length=150),
        "is_active": models.BooleanField(),
    }
    twin = _model(
        "UserTwin", models.Model, {"managed": False, "db_table": User._meta.db_table}, **columns
    )
    desk: dict[str, Any] = {"desk": models.CharField(max_length=9, default="")}
    found = Models(
        proxy=proxy_of(User),
        child=_model("UserChild", User, {}, **desk),
        twin=twin,
        group_proxy=proxy_of(Group),
        group_child=_model("GroupChild", Group, {}, **desk),
        key_proxy=proxy_of(ApiKey),
    )
    with connection.schema_editor() as editor:
        editor.create_model(found.child)
        editor.create_model(found.group_child)
    yield found
    for model in found:
        del apps.all_models["accounts"][model.__name__.lower()]
    apps.clear_cache()
    with connection.schema_editor() as editor:
        editor.delete_model(found.group_child)
        editor.delete_model(found.child)


def _model(name: str, base: Any, meta: dict[str, Any], **fields: Any) -> Any:
    options = type("Meta", (), {"app_label": "accounts", **meta})
    return type(name, (base,), {"__module__": __name__, "Meta": options, **fields})


def _child_of(model: Any, row: Any) -> Any:
    """Return the child's row over an existing parent's row."""
    child = model(**{f"{model._meta.pk.name}_id": row.pk})
    child.__dict__.update({k: v for k, v in row.__dict__.items() if k != "_state"})
    child.save_base(raw=True)
    return model.objects.get(pk=row.pk)


def _status(api: Flask, visitor: Visitor) -> int:
    return ask(api, "/api/me", cookie=visitor.cookie).status_code


def _shown(api: Flask, visitor: Visitor, member: str) -> Any:
    return ask(api, "/api/me", cookie=visitor.cookie).get_json()[member]


def _deactivate(model: Any, pk: Any) -> None:
    row = model.objects.get(pk=pk)
    row.is_active = False
    row.save()


def _change_password(model: Any, pk: Any) -> None:
    row = model.objects.get(pk=pk)
    row.password = "!another"
    row.save(update_fields=["password"])


def _delete(model: Any, pk: Any) -> None:
    model.objects.get(pk=pk).delete()


def _delete_by_query(model: Any, pk: Any) -> None:
    model.objects.filter(pk=pk).delete()


@pytest.mark.parametrize("change", [_deactivate, _change_password, _delete, _delete_by_query])
@pytest.mark.parametrize("which", ["proxy", "child"])
def test_change_through_a_proxy_or_child_counts_on_the_next_request(
    api: Flask, kin: Models, which: str, change: Callable[[Any, Any], None]
) -> None:
    """What Django refuses, Flask refuses."""
    visitor, model = new_visitor(), getattr(kin, which)
    if which == "child":
        _child_of(model, visitor.person)
    assert _status(api, visitor) == 200
    change(model, visitor.person.pk)
    assert _status(api, visitor) == 401


def test_change_through_an_unmanaged_model_of_the_table_counts(api: Flask, kin: Models) -> None:
    """A model that knows only two columns of the table, and nothing of the user model."""
    visitor = new_visitor()
    _deactivate(kin.twin, visitor.person.pk)
    assert _status(api, visitor) == 401


@pytest.mark.parametrize("which", ["group_proxy", "group_child"])
def test_change_of_a_group_through_its_proxy_or_child_counts(
    api: Flask, kin: Models, which: str
) -> None:
    """Renamed, given and taken a permission, left from both sides, cleared, deleted."""
    from django.contrib.auth.models import Group, Permission

    visitor, model = new_visitor(), getattr(kin, which)
    plain = Group.objects.create(name=f"crew of {visitor.person.username}")
    group = model.objects.get(pk=plain.pk) if which == "group_proxy" else _child_of(model, plain)
    kin.proxy.objects.get(pk=visitor.person.pk).groups.add(group)
    assert _shown(api, visitor, "groups") == [plain.name]
    group.permissions.add(Permission.objects.get(codename="view_user"))
    assert _shown(api, visitor, "permissions") == ["accounts.view_user"]
    group.permissions.clear()
    assert _shown(api, visitor, "permissions") == []
    group.name = f"new {plain.name}"
    group.save()
    assert _shown(api, visitor, "groups") == [group.name]
    group.user_set.clear()
    assert _shown(api, visitor, "groups") == []
    group.user_set.add(visitor.person)
    model.objects.filter(pk=group.pk).delete()
    assert _shown(api, visitor, "groups") == []


def test_key_changed_through_a_proxy_is_published(api: Flask, kin: Models) -> None:
    """The receivers of keys are no different."""
    from django_site.keys.issue import create_key

    key, token = create_key(new_visitor().person, name="a", scopes=["jobs:read"], expires_in_days=1)
    headers = {"Authorization": f"Bearer {token}"}
    assert ask(api, "/api/me", headers=headers).status_code == 200
    kin.key_proxy.objects.filter(pk=key.pk).delete()
    assert ask(api, "/api/me", headers=headers).status_code == 401


def test_models_of_other_tables_keep_their_quick_deletion() -> None:
    """Django fetches every row before a deletion somebody listens to:
    nobody listens to what is no person's."""
    from django.contrib.admin.models import LogEntry
    from django.db.models.signals import m2m_changed, post_delete, pre_delete

    assert not any(
        signal.has_listeners(LogEntry) for signal in (pre_delete, post_delete, m2m_changed)
    )
