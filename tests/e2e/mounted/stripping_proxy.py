"""What a reverse proxy with a prefix does to requests:
cuts it off, names it in X-Forwarded-Prefix, knows nothing beyond."""

import httpx

from tests.e2e.service import address_of
from tests.plain_http import NO_TLS


class StrippingProxy(httpx.BaseTransport):
    """Sends a browser's requests to the service as ``location /tools/ { proxy_pass http://service/;
    }`` would."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._http = httpx.HTTPTransport(verify=NO_TLS)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Pass one request on."""
        target = request.url.raw_path.decode()
        if not f"{target}/".startswith(f"{self._prefix}/"):
            return httpx.Response(404, text="outside the mount")
        headers = [
            (name, value)
            for name, value in request.headers.raw
            if name.lower() != b"x-forwarded-prefix"
        ]
        headers += [
            (b"X-Forwarded-Prefix", self._prefix.encode()),
            (b"X-Forwarded-For", b"127.0.0.1"),
        ]
        url = f"{address_of(request.url)}{target.removeprefix(self._prefix) or '/'}"
        return self._http.handle_request(
            httpx.Request(
                request.method,
                url,
                headers=headers,
                stream=request.stream,
                extensions=request.extensions,
            )
        )

    def close(self) -> None:
        """Close its connections."""
        self._http.close()
