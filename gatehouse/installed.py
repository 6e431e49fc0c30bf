"""The installed version of the client."""

from importlib.metadata import PackageNotFoundError, version


def installed_version() -> str:
    """Return the version of the installed distribution,
    "unknown" in a checkout that is not installed."""
    try:
        return version("gatehouse")
    except PackageNotFoundError:
        return "unknown"
