"""What is nested deeper than a page lays out, as a tree that opens and closes: bounded in depth, in
what a branch lists, and in all."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

DEEPEST, LISTED, NODES = 24, 200, 2_000
OPEN_TO = 2
_TEXT_MAX = 2_000


@dataclass(slots=True, kw_only=True)
class Node:
    """A value with its name. ``kind``: object, list, text, number or word. ``left`` members are not
    shown."""

    name: str
    kind: str
    text: str = ""
    count: int = 0
    left: int = 0
    is_open: bool = False
    members: list["Node"] = field(default_factory=list)

    @property
    def is_branch(self) -> bool:
        """Whether it can be opened."""
        return bool(self.members)


def tree_of(value: Any) -> Node:
    """Return the tree of a value, its first nodes."""
    return _node("", value, 0, [NODES])


def _node(name: str, value: Any, depth: int, room: list[int]) -> Node:
    room[0] -= 1
    if not isinstance(value, dict | list):
        return _leaf(name, value)
    kind = "object" if isinstance(value, dict) else "list"
    node = Node(name=name, kind=kind, count=len(value), is_open=depth < OPEN_TO)
    if depth < DEEPEST:
        for inner, member in _members(value):
            if len(node.members) == LISTED or room[0] <= 0:
                break
            node.members.append(_node(inner, member, depth + 1, room))
    node.left = len(value) - len(node.members)
    return node


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    else:
        yield from ((str(at), member) for at, member in enumerate(value))


def _leaf(name: str, value: Any) -> Node:
    if isinstance(value, str):
        text = value if len(value) <= _TEXT_MAX else f"{value[:_TEXT_MAX]}…"
        return Node(name=name, kind="text", text=text)
    kind = "word" if value is None or isinstance(value, bool) else "number"
    return Node(name=name, kind=kind, text=json.dumps(value))
