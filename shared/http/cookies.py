"""Read one cookie from a Cookie header, the same way on both sides.

Frameworks differ on a name that comes twice (Django takes the last, Flask the first) and on quotes;
an attacker who can plant a cookie could make one side see another person.
So there is one reader, and two of a name are refused.
"""

from shared.errors import AmbiguousCredentials


def find_cookie(header: str, name: str) -> str | None:
    """Return the value of cookie ``name`` as sent, or None.
    Raises AmbiguousCredentials when it comes twice.

    ``header`` is the Cookie header's value (RFC 6265, 4.2.1); several headers are joined by ``;
    `` or a comma.
    """
    values = cookie_values(header, name)
    if len(values) > 1:
        raise AmbiguousCredentials(f"The request carries more than one cookie named {name}.")
    return values[0] if values else None


def cookie_values(header: str, name: str) -> list[str]:
    """Return the values of all cookies ``name`` as sent: for who has to end them."""
    return [
        value.strip()
        for pair in header.split(";")
        for key, _, value in [pair.partition("=")]
        if key.strip() == name
    ]
