"""Which regular expressions of a source file can take more than linear time.

A backtracking engine tries every way to share the same bytes between two quantifiers: quadratic for
two that stand beside each other, exponential for one inside the other. A search that fails begins
again at every byte, which is quadratic too when a quantifier runs over its own beginnings.
"""

import ast
import importlib
import re._compiler as sre_compiler  # type: ignore[import-not-found]
import re._constants as sre  # type: ignore[import-not-found]
import re._parser as sre_parser  # type: ignore[import-not-found]
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# What a class is tried with: ASCII, Latin-1, and one of each kind beyond.
_SAMPLES = [
    *map(chr, range(256)),
    "\u1680",
    "\u2019",
    "\u0416",
    "\u4e00",
    "\u0663",
    "\ud7ff",
    "\U0001f600",
]
# A quantifier with fewer choices than that is bounded work.
_BOUNDED = 100
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
_SEARCHES = {"search", "findall", "finditer", "sub", "subn", "split"}
_CALLS = {"compile", "match", "fullmatch", *_SEARCHES}

Item = tuple[Any, Any]


def faults(pattern: str | bytes, flags: int = 0, *, is_searched: bool) -> list[str]:
    """Return what is wrong with an expression, nothing for a linear one."""
    tree = sre_parser.parse(pattern, flags)
    found = list(_between(list(tree), (), tree.state))
    if is_searched:
        found += _restarts(list(tree), tree.state)
    return sorted(set(found))


def _between(items: list[Item], after: tuple[Item, ...], state: Any) -> Iterator[str]:
    """Look at each quantifier and at what may follow it."""
    for index, item in enumerate(items):
        rest = (*items[index + 1 :], *after)
        kind, value = item
        if kind in _REPEATS:
            low, high, body = value
            if _is_open(low, high) and _meets(rest, _firsts(list(body), state), state):
                yield f"a quantifier over {_shown(item, state)} shares characters with one after it"
            yield from _between(list(body), (*(list(body) if high > 1 else []), *rest), state)
        else:
            for part in _parts(item):
                yield from _between(part, rest, state)


def _meets(rest: tuple[Item, ...], chars: frozenset[str], state: Any) -> bool:
    """Tell whether an open quantifier over some of ``chars`` can follow,
    with nothing but ``chars`` before it."""
    for index, item in enumerate(rest):
        kind, value = item
        left = rest[index + 1 :]
        if kind in _REPEATS:
            low, high, body = value
            if (
                len(body) == 1
                and not _parts(body[0])
                and _is_open(low, high)
                and _chars(body[0], state) & chars
            ):
                return True
            if _meets((*body, *left), chars, state):
                return True
            if low == 0:
                continue
            return False
        if kind is sre.AT or kind in (sre.ASSERT, sre.ASSERT_NOT):
            continue
        if parts := _parts(item):
            return any(_meets((*part, *left), chars, state) for part in parts)
        if not _chars(item, state) & chars:
            return False
    return False


def _restarts(items: list[Item], state: Any) -> list[str]:
    """Find open quantifiers that run over the expression's own first characters and can fail
    afterwards."""
    return [
        f"a search begins again inside the quantifier over {_shown(item, state)}"
        for item, before, rest in _flat(items, (), ())
        if item[0] in _REPEATS
        and _is_open(*item[1][:2])
        and _can_hold(item, before, state)
        and _is_needed(rest)
    ]


def _can_hold(repeat: Item, before: tuple[Item, ...], state: Any) -> bool:
    """Tell whether a quantifier can run over what stands before it,
    so that a new search begins inside it."""
    chars = _firsts(list(repeat[1][2]), state)
    if not before or all(_least(item) == 0 for item in before):
        before = (*before, repeat)
    if before[0][0] is sre.AT:
        return False
    return all(
        _firsts([item], state) & chars for item in before if _least(item) > 0 or item is repeat
    )


def _flat(
    items: list[Item], before: tuple[Item, ...], after: tuple[Item, ...]
) -> Iterator[tuple[Item, tuple[Item, ...], tuple[Item, ...]]]:
    for index, item in enumerate(items):
        ahead, rest = (*before, *items[:index]), (*items[index + 1 :], *after)
        yield item, ahead, rest
        inner = [list(item[1][2])] if item[0] in _REPEATS else _parts(item)
        for part in inner:
            yield from _flat(part, ahead, rest)


def _is_needed(rest: tuple[Item, ...]) -> bool:
    return any(_least(item) > 0 or item[0] is sre.AT for item in rest)


def _least(item: Item) -> int:
    """Return how many characters an item takes at least;
    ``(?:^|,)`` takes one wherever a search can begin again."""
    kind, value = item
    if kind in _REPEATS:
        return int(value[0]) * sum(map(_least, value[2]))
    if kind in (sre.AT, sre.ASSERT, sre.ASSERT_NOT, sre.GROUPREF):
        return 0
    if parts := _parts(item):
        return min((sum(map(_least, part)) for part in _begun(parts)), default=0)
    return 1


def _begun(parts: list[list[Item]]) -> list[list[Item]]:
    return [part for part in parts if [kind for kind, _ in part] != [sre.AT]]


def _firsts(items: list[Item], state: Any) -> frozenset[str]:
    """Return the characters that can begin these items;
    an anchor at the beginning begins nothing else."""
    found: frozenset[str] = frozenset()
    for item in items:
        kind, value = item
        if kind is sre.AT:
            return found
        if kind in _REPEATS:
            found |= _firsts(list(value[2]), state)
        elif parts := _begun(_parts(item)):
            found = found.union(*(_firsts(part, state) for part in parts))
            if min(sum(map(_least, part)) for part in parts) > 0:
                return found
        elif kind not in (sre.ASSERT, sre.ASSERT_NOT, sre.GROUPREF):
            found |= _chars(item, state)
        if _least(item) > 0:
            return found
    return found


def _is_open(low: int, high: int) -> bool:
    return high is sre.MAXREPEAT or high - low > _BOUNDED


def _parts(item: Item) -> list[list[Item]]:
    kind, value = item
    if kind is sre.SUBPATTERN:
        return [list(value[3])]
    if kind is sre.BRANCH:
        return [list(branch) for branch in value[1]]
    return []


def _chars(item: Item, state: Any) -> frozenset[str]:
    """Return those of the samples that one character class matches."""
    is_bytes = isinstance(state.str, bytes)
    single = sre_compiler.compile(sre_parser.SubPattern(state, [item]), state.flags)
    samples = (
        (char, char.encode("latin-1")) if is_bytes else (char, char)
        for char in _SAMPLES[: 256 if is_bytes else None]
    )
    return frozenset(char for char, sample in samples if single.fullmatch(sample))


def _shown(item: Item, state: Any) -> str:
    return (
        "".join(sorted(char for char in _firsts([item], state) if "!" <= char <= "~"))[:20]
        or "blanks"
    )


def expressions(path: Path, root: Path) -> Iterator[tuple[int, str | bytes, bool]]:
    """Yield line, pattern and whether it is searched for, of each expression in a file;
    composed ones are evaluated in it."""
    text = path.read_text()
    tree = ast.parse(text)
    named: dict[int, str] = {
        id(call): name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for name, call in [(node.targets[0], node.value)]
        if isinstance(name, ast.Name)
    }
    for node in ast.walk(tree):
        for pattern in _patterns(node):
            users = {name for name in _SEARCHES if f"{named.get(id(node))}.{name}(" in text}
            is_direct = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in _SEARCHES
            )
            # What is passed around before it is used may be searched for.
            is_searched = (
                bool(users) or is_direct or (id(node) not in named and not _is_anchored(node))
            )
            if value := _value(pattern, path, root):
                yield pattern.lineno, value, is_searched


def _is_anchored(node: ast.AST) -> bool:
    """Tell whether these are pydantic's patterns, or a call that matches from the beginning."""
    return not (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "compile"
    )


def _patterns(node: ast.AST) -> list[ast.expr]:
    if not isinstance(node, ast.Call):
        return []
    is_re = (
        isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "re"
    )
    if is_re and isinstance(node.func, ast.Attribute) and node.func.attr in _CALLS:
        return node.args[:1]
    return [keyword.value for keyword in node.keywords if keyword.arg == "pattern"]


def _value(pattern: ast.expr, path: Path, root: Path) -> str | bytes | None:
    """Return the expression, None when it is not composed here but handed in."""
    module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    names = vars(importlib.import_module(module))
    try:
        value = eval(compile(ast.Expression(pattern), str(path), "eval"), names)
    except NameError:  # made of what only the function knows: a separator in its place
        if not isinstance(pattern, ast.JoinedStr):
            return None
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "," for part in pattern.values
        )
    assert isinstance(value, str | bytes)
    return value
