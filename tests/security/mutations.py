"""Requests as bytes, bent at random: what a seed makes is always the same."""

import random
from collections.abc import Callable

HEAD = (
    b"Host: {host}\r\nCookie: sessionid=abc; csrftoken=def\r\nAccept: text/html;q=0.9, "
    b"*/*\r\nUser-Agent: a/1\r\n"
)
BODY = b'{"task": "primes.sum", "arguments": {"limit": 5}}'
SEEDS = [
    b"GET /api/me?wait=1 HTTP/1.1\r\n" + HEAD + b"Prefer: wait=1\r\nIf-None-Match: "
                                                b"W/\"a\"\r\nRange: bytes=0-1\r\n\r\n",
    b"GET http://{host}/api/health/live HTTP/1.1\r\n" + HEAD + b"\r\n",
    b"POST /api/jobs HTTP/1.1\r\n" + HEAD + b"Authorization: Bearer gh_abc\r\nIdempotency-Key: "
                                            b"a\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY),
    b"POST /accounts/login/ HTTP/1.1\r\n" + HEAD + b"Content-Type: "
                                                   b"application/x-www-form-urlencoded\r\n"
    b"Origin: http://{host}\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nlogin=a\r\n0\r\nX-Trailer: "
    b"a\r\n\r\n",
    b"POST /accounts/signup/ HTTP/1.1\r\n" + HEAD + b"Expect: 100-continue\r\nX-Forwarded-For: "
                                                    b"192.0.2.1, ::1\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 66\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\na@b.c\r\n--b--\r\n',
    b"GET /accounts/login/?next=/api/me HTTP/1.0\r\n" + HEAD + b"Connection: keep-alive\r\n\r\n",
]  # fmt: skip
# What parsers stumble over.
TOKENS = [
    *[
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b"\t",
        b" ",
        b":",
        b";",
        b",",
        b"=",
        b'"',
        b"\\",
        b"%",
        b"%00",
        b"%2F",
        b"%",
        b"//",
        b"..",
        b"#",
    ],
    *[
        b"[",
        b"]",
        b"]ufd",
        b"@",
        b"s://",
        b"http://",
        b"https://[::1]/",
        b"*",
        b"\x0b",
        b"\x7f",
        b"\xe4",
        b"\xff\xfe",
        b"\xc0\xaf",
    ],
    *[
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: -1\r\n",
        b"Host: x\r\n",
        b"Connection: close\r\n",
        b"Connection: Keep-Alive, x\r\n",
        b"connection: Close\r\n",
    ],
    *[
        b"Expect: 100-continue\r\n",
        b"X_User: a\r\n",
        b"0\r\n\r\n",
        b"ffffffff",
        b"99999999999999999999",
        b" HTTP/1.1",
        b"HTTP/2.0",
    ],
]
METHODS = [
    b"GET",
    b"HEAD",
    b"PUT",
    b"OPTIONS",
    b"TRACE",
    b"CONNECT",
    b"DELETE",
    b"PATCH",
    b"get",
    b"QUERY",
    b"G\xe4T",
]

Change = Callable[[random.Random, bytes], bytes]


def _insert(dice: random.Random, sent: bytes) -> bytes:
    at = dice.randrange(len(sent) + 1)
    return sent[:at] + dice.choice(TOKENS) + sent[at:]


def _replace(dice: random.Random, sent: bytes) -> bytes:
    at = dice.randrange(len(sent))
    return sent[:at] + bytes([dice.randrange(256)]) + sent[at + 1 :]


def _remove(dice: random.Random, sent: bytes) -> bytes:
    at = dice.randrange(len(sent))
    return sent[:at] + sent[at + dice.randint(1, 12) :]


def _repeat(dice: random.Random, sent: bytes) -> bytes:
    at = dice.randrange(len(sent))
    piece = sent[at : at + dice.randint(1, 40)]
    return sent[:at] + piece * dice.choice((1, 2, 50)) + sent[at:]


def _cut(dice: random.Random, sent: bytes) -> bytes:
    return sent[: dice.randrange(1, len(sent) + 1)]


def _other_target(dice: random.Random, sent: bytes) -> bytes:
    first, blank, rest = sent.partition(b" ")
    _, _, after = rest.partition(b" ")
    target = b"".join(
        dice.choice([*TOKENS, b"/", b"api", b"accounts", b"?a=b"])
        for _ in range(dice.randint(1, 5))
    )
    return first + blank + target.replace(b"\r\n", b"") + b" " + after


def _other_method(dice: random.Random, sent: bytes) -> bytes:
    return dice.choice(METHODS) + b" " + sent.partition(b" ")[2]


CHANGES: list[Change] = [
    _insert,
    _insert,
    _replace,
    _replace,
    _remove,
    _repeat,
    _cut,
    _other_target,
    _other_method,
]


def mutated(seed: int, *, host: bytes) -> bytes:
    """Return the request of this seed, for a server that is called ``host``:
    bent alike for each."""
    dice = random.Random(seed)
    sent = dice.choice(SEEDS)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        sent = dice.choice(CHANGES)(dice, sent) or b"G"
    return sent.replace(b"{host}", host)
