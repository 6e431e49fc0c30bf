"""How large a request's body may be, by what it is for: the same under every server."""

from shared.settings import ServerSettings

# What multipart/form-data adds to an uploaded file.
_FRAME = 1 << 20


def body_limit(settings: ServerSettings, *, method: str, path: str) -> int:
    """Return how many bytes the body of a request may have;
    only an upload may have more than the rest.

    ``path`` may begin with a mount that the server leaves to us: gunicorn's SCRIPT_NAME.
    """
    if method == "POST" and path.endswith(f"{settings.api_prefix}/files"):
        return settings.upload_max_bytes + _FRAME
    return settings.site_max_body_bytes
