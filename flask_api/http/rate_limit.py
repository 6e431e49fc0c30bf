"""How many more unfinished jobs a person may have,
as headers (IETF draft-ietf-httpapi-ratelimit-headers)."""


def rate_limit_headers(*, limit: int, unfinished: int) -> dict[str, str]:
    """Return the policy and what is left of it. There is no window: it is freed as jobs end."""
    remaining = max(0, limit - unfinished)
    return {
        "RateLimit-Policy": f'"unfinished";q={limit}',
        "RateLimit": f'"unfinished";r={remaining}',
    }
