"""The address that a request asked for, as its client wrote it:
decoding it and encoding it again would make another of it.

``/files/a%3Fb.txt``, ``/a%2525``, ``/a?`` and ``/a%23b`` are all lost in WSGI's decoded PATH_INFO.
Servers keep the request's target beside it:
as REQUEST_URI (CherryPy, mod_wsgi, uWSGI) or RAW_URI (gunicorn).
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from shared.http.mount import FORWARDED_PREFIX, SAFE

_TARGET = re.compile(r"/(?![/\\])[!-\"$-\[\]-~]*", re.ASCII)


def sent_target(environ: Mapping[str, Any]) -> str:
    """Return path and query as they were sent, byte for byte, always a path of this very host.

    A target that is not the one that was routed (a proxy or a mount changed it), or that a browser
    could take for another host's, is made again from what was routed.
    """
    routed = f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}".encode("latin-1")
    # What a proxy cut off was sent too.
    target = environ.get("REQUEST_URI") or environ.get("RAW_URI") or ""
    sent = f"{environ.get(FORWARDED_PREFIX, '')}{target}"
    if _TARGET.fullmatch(sent) and unquote_to_bytes(sent.partition("?")[0]) == routed:
        return sent
    query = quote(environ.get("QUERY_STRING", "").encode("latin-1"), safe=f"{SAFE}%?[]")
    path = "/" + quote(routed.lstrip(b"/\\"), safe=SAFE)
    return f"{path}?{query}" if query else path
