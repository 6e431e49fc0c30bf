"""The same as flask_login.py, for people who are in a database (Flask-SQLAlchemy, SQLite)
and looked up at every request.

That is what ``user_loader`` is for, what the other contenders do,
and what it takes to see that a person is no longer active.
"""

from collections.abc import Callable
from pathlib import Path

from flask import Flask
from flask_login import UserMixin
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.measuring.context import USERNAME, Context
from benchmarks.peers.submit import flask_login
from benchmarks.peers.submit.flask_login import PATH, body, headers

__all__ = ["PATH", "body", "create_app", "headers", "seed"]


class _Base(DeclarativeBase):  # type: ignore[misc]  # SQLAlchemy is in the environment of the benchmarks only
    pass


_DATABASE = SQLAlchemy(model_class=_Base)


class _Person(_DATABASE.Model, UserMixin):  # type: ignore[misc, name-defined]  # Flask-Login has no types
    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)

    @property
    def is_active(self) -> bool:
        return bool(self.active)


def seed(context: Context) -> str:
    """Make the database and the person in it, log in, and return the Cookie header."""
    with create_app(str(context.save())).app_context():
        _DATABASE.create_all()
        _DATABASE.session.add(_Person(id=1, username=USERNAME))
        _DATABASE.session.commit()
    return flask_login.seed(context)


def create_app(context_file: str, tuned: bool = False) -> Flask:
    """Return the application, on the database that seed made."""
    file = Path(Context.load(context_file).folder, "people.sqlite3")

    def people(app: Flask) -> Callable[[str], _Person | None]:
        app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{file}"
        _DATABASE.init_app(app)
        return lambda person_id: _DATABASE.session.get(_Person, int(person_id))

    return flask_login.create_app(context_file, tuned, people=people)
