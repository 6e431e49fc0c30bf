"""Which models share a table: a row that is changed through one of them has changed for all.

Signals name the class that was used. A proxy of the user model, a child with a table of its own, a
parent, and an unmanaged model over the same table all change the same person.
"""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.db.migrations.state import StateApps
from django.db.models import Model
from django.db.models.signals import class_prepared

Receiver = Callable[..., None]


def lineage(model: type[Model]) -> list[type[Model]]:
    """Return the models whose tables hold a row of ``model``:
    itself (for a proxy: what it stands for) and its parents."""
    concrete: Any = model._meta.concrete_model or model
    return [concrete, *concrete._meta.get_parent_list()]


def tables_of(model: type[Model]) -> frozenset[str]:
    """Return the names of the tables that hold a row of ``model``."""
    return frozenset(str(each._meta.db_table) for each in lineage(model))


def for_each_model(listen: Callable[[type[Model]], None]) -> None:
    """Call ``listen`` with every model there is, proxies included,
    and with each that is made later.

    Receivers are connected to the models that matter and not to all: Django fetches every row
    before it deletes it, of every model that somebody listens to. A migration's own models are left
    out: the tables are not yet what the code thinks they are.
    What a migration changes is found by the reconciler.
    """

    def prepared(sender: type[Model], **_kwargs: Any) -> None:
        if not isinstance(sender._meta.apps, StateApps):
            listen(sender)

    class_prepared.connect(
        prepared, weak=False, dispatch_uid=f"gatehouse.{listen.__module__}.{listen.__name__}"
    )
    for model in apps.get_models(include_auto_created=True):
        listen(model)


def only_about(owner: type[Model], receiver: Receiver) -> Receiver:
    """Return a receiver that asks again, at each signal,
    whether its sender shares a table with ``owner``.

    Django knows a sender by its ``id``, which is another model's when the one that was connected is
    gone.
    """

    def asked(sender: type[Model], **kwargs: Any) -> None:
        if tables_of(sender) & tables_of(owner):
            receiver(**kwargs)

    return asked


def key_in(instance: Model, model: type[Model]) -> Any:
    """Return the primary key of the row of ``model`` that ``instance`` changes:
    its own, its child's, parent's or twin's."""
    target: Any = model._meta.concrete_model
    if isinstance(instance, target):
        return getattr(instance, target._meta.pk.attname)
    tables = tables_of(model)
    # A parent or a twin: the first model of its lineage that has a table in common tells the key of
    # that table's row.
    shared = next(each for each in lineage(type(instance)) if each._meta.db_table in tables)
    return getattr(instance, shared._meta.pk.attname)
