"""What GATEHOUSE_MOUNTS accepts: a wrong value ends the start with a line that names the
variable."""

from typing import TYPE_CHECKING, Any

import pytest

from deploy.mounts import load_mounts
from shared.errors import ConfigurationError
from shared.settings import ServerSettings
from tests.e2e.mounted import shop

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

GOOD = "/shop=tests.e2e.mounted.shop:application"


def loaded(mounts: str, mounts_open: str = "") -> dict[str, Any]:
    """Return what is mounted; the gate is told by a tuple."""

    def gated(application: "WSGIApplication") -> Any:
        return ("gated", application)

    settings = ServerSettings(session_secrets=("x" * 32,), mounts=mounts, mounts_open=mounts_open)
    return dict(load_mounts(settings, gated=gated))


def test_application_is_gated_unless_its_path_is_named() -> None:
    """The name may be left out, as for gunicorn."""
    assert loaded(f"{GOOD},/a/b=tests.e2e.mounted.shop", "/a/b") == {
        "/shop": ("gated", shop.application),
        "/a/b": shop.application,
    }


@pytest.mark.parametrize(
    ("mounts", "words"),
    [
        ("shop", "can't be read"),
        ("/shop=", "can't be read"),
        ("shop=tests.e2e.mounted.shop", "can't be read"),
        ("/shop/=tests.e2e.mounted.shop", "can't be read"),
        ("/=tests.e2e.mounted.shop", "can't be read"),
        ("//a=tests.e2e.mounted.shop", "can't be read"),
        ("/shop=tests/e2e/mounted/shop.py", "can't be read"),
        ("/shop=tests.e2e.mounted.shop:a.b", "can't be read"),
        ("/api=tests.e2e.mounted.shop", "Gatehouse's own"),
        ("/api/shop=tests.e2e.mounted.shop", "Gatehouse's own"),
        ("/static=tests.e2e.mounted.shop", "Gatehouse's own"),
        ("/accounts/login=tests.e2e.mounted.shop", "Gatehouse's own"),
        (f"{GOOD},{GOOD}", "twice"),
        ("/shop=tests.no_such_module", "can't be imported: ModuleNotFoundError"),
        ("/shop=tests.e2e.mounted.shop:nothing", "no WSGI application 'nothing'"),
        ("/shop=tests.e2e.mounted.shop:SHOWN", "no WSGI application 'SHOWN'"),
    ],
)
def test_wrong_mount_names_the_variable(mounts: str, words: str) -> None:
    """And says what is wrong with which mount."""
    with pytest.raises(ConfigurationError, match=f"^GATEHOUSE_MOUNTS: .*{words}"):
        loaded(mounts)


def test_open_path_that_is_not_mounted_names_its_variable() -> None:
    """A slip of the pen must not leave gated what was meant to be open, nor the reverse."""
    with pytest.raises(ConfigurationError, match=r"^GATEHOUSE_MOUNTS_OPEN: /shops "):
        loaded(GOOD, "/shops")
