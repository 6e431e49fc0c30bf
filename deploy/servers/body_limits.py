"""How large a request's body may be, by what it is for: the same under every server."""

from shared.settings import ServerSettings

# What multipart/form-data adds to an uploaded file.
_FRAME = 1 << 20


def body_limit(settings: ServerSettings, *, method: str, path: str, mount: str = "") -> int:
    """Return how many bytes the body of a request may have;
    only an upload may have more than the rest.

    ``mount`` is what the server leaves before our paths: gunicorn's SCRIPT_NAME. The whole path is
    compared: one of the site, or of an application beside ours, may end like that of uploads, and
    Django reads a form to its end before it looks for who sent it.
    """
    if method == "POST" and path == f"{mount}{settings.api_prefix}/files":
        return settings.upload_max_bytes + _FRAME
    return settings.site_max_body_bytes
