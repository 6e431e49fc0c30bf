"""Can the file system of GATEHOUSE_JOB_FILES_URL be used? fsspec imports it with the first file:
too late to say that a package is missing."""

import fsspec

from shared.environment import ENV_PREFIX
from shared.errors import ConfigurationError

VARIABLE = f"{ENV_PREFIX}JOB_FILES_URL"


def require_file_system(url: str) -> None:
    """Import what a URL's scheme needs, each of a chained one (``simplecache::s3://...``).
    Raises ConfigurationError that says what to install. Connects to nothing."""
    *before, last = url.split("::")
    schemes = [part.partition("://")[0] for part in before]
    schemes.append(last.partition("://")[0] if "://" in last else "file")
    for scheme in schemes:
        try:
            fsspec.get_filesystem_class(scheme)
        except ImportError as error:
            raise ConfigurationError(f"{VARIABLE}: {_needed(scheme, error)}") from error
        except ValueError as error:
            known = ", ".join(sorted(fsspec.available_protocols()))
            raise ConfigurationError(
                f"{VARIABLE}: {scheme}:// is none of fsspec's: {known}"
            ) from error


def _needed(scheme: str, error: ImportError) -> str:
    """Say what is missing; in fsspec's own words where a package is not called as its module."""
    missing = getattr(error.__cause__, "name", None)
    if missing and missing in str(error):
        return f"{scheme}:// needs {missing}: pip install {missing}"
    return f"{scheme}:// can't be used: {error}"
