"""How much would this JSON become? Told from its bytes, before a parser makes objects of them.

A value costs its sender two bytes and us up to a hundred: 16 MB of ``[[],[],...`` would become half
a gigabyte. So what holds too many is refused first.
Only searches that run at the speed of memory are used here, and each a fixed number of times.
"""

from shared.errors import RequestError

# Values and names of members together, in one body; as objects they need up to 50 MB.
MAX_VALUES = 500_000
# Lists and objects, which cost the most.
MAX_CONTAINERS = 125_000

_CONTAINERS = b"[]{}"
_OTHERS = bytes(each for each in range(256) if each not in _CONTAINERS)
_ONE_KIND = bytes.maketrans(b"{}", b"[]")


def require_few_values(text: bytes) -> None:
    """Raise RequestError when JSON text holds too many values. Linear;
    says nothing about its form."""
    # counts what stands in strings too: there are at most this many
    if len(text) < MAX_CONTAINERS or _is_small(text):
        return
    masked = without_escapes(text)
    if masked.count(b'"') > 2 * MAX_VALUES or not _is_small(_outside_of_strings(masked)):
        raise RequestError(
            f"The body holds too much at once: it must have at most {MAX_VALUES} values and names, "
            f"of which at most {MAX_CONTAINERS} are lists and objects."
        )


def is_nested_deeper(text: bytes, levels: int) -> bool:
    """Tell whether well-formed JSON text has more levels of lists and objects than that.
    Linear for a fixed number."""
    if text.count(b"[") + text.count(b"{") <= levels:
        return False
    left = _outside_of_strings(without_escapes(text)).translate(_ONE_KIND, _OTHERS)
    for _ in range(levels):  # each time the innermost level goes
        left = left.replace(b"[]", b"")
        if not left:
            return False
    return True


def require_short_strings(text: bytes, *, most: int) -> None:
    """Raise RequestError when JSON text holds a string longer than ``most`` bytes;
    half as long ones may pass or not."""
    masked = without_escapes(text)
    step = max(1, most // 2)
    for start in range(0, len(masked) - step, step):
        if masked.find(b'"', start, start + step) < 0:
            raise RequestError(
                f"The body holds too long a text: each must be at most {step} bytes."
            )


def without_escapes(text: bytes) -> bytes:
    r"""Return JSON text of the same length in which every quotation mark begins or ends a string:
    ``\"`` is masked."""
    if b"\\" not in text:
        return text
    return text.replace(rb"\\", b"__").replace(rb"\"", b"__")


def _outside_of_strings(masked: bytes) -> bytes:
    return b"".join(masked.split(b'"')[::2])


def _is_small(text: bytes) -> bool:
    separators = text.count(b",") + text.count(b":")
    return separators < MAX_VALUES and text.count(b"[") + text.count(b"{") <= MAX_CONTAINERS
