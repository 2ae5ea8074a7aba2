"""Bytes to JSON and back, strictly: what two parsers could understand differently is refused.

orjson already refuses NaN, Infinity, lone surrogates, invalid UTF-8 and numbers beyond a double.
It keeps the last of duplicate keys, takes NUL and turns long integers into floats; these are
looked for here (security cases S17 and S36).
"""

from collections.abc import Sequence
from typing import Any

import orjson

from fedblog.activitystreams.errors import MalformedJsonError, TooLargeJsonError

_LARGEST = 2.0**63
"""Integers beyond 64 bits arrive from orjson as floats; nothing honest is that large."""


def parse(body: bytes, *, max_depth: int, max_items: int, max_nodes: int) -> dict[str, Any]:
    """The JSON object in *body*.

    Raises MalformedJsonError where *body* is not JSON or no object, repeats a key, holds U+0000 or
    a number beyond 64 bits; TooLargeJsonError where it nests deeper than *max_depth*, an array or
    object has more than *max_items* entries, or all of it more than *max_nodes* values. These are
    estimated before anything is parsed, from commas and brackets, those within texts as well.
    """
    if body.count(b",") + body.count(b"[") + body.count(b"{") > max_nodes:
        raise TooLargeJsonError(f"more than {max_nodes} values")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if "depth" in str(error) or "recursion" in str(error):
            raise TooLargeJsonError("the JSON is nested too deeply") from None
        raise MalformedJsonError(f"not JSON: {error}") from None
    if type(document) is not dict:
        raise MalformedJsonError("not a JSON object")

    strings = 0
    depth = 0
    level: list[Any] = [document]
    while level:
        depth += 1
        if depth > max_depth:
            raise TooLargeJsonError(f"nested more than {max_depth} deep")
        below: list[Any] = []
        for container in level:
            if len(container) > max_items:
                raise TooLargeJsonError(f"more than {max_items} entries in one place")
            values = container
            if type(container) is dict:
                strings += len(container)
                values = container.values()
            for value in values:
                kind = type(value)
                if kind is str:
                    strings += 1
                elif kind is dict or kind is list:
                    below.append(value)
                elif kind is float and not -_LARGEST < value < _LARGEST:
                    raise MalformedJsonError("a number too large to be kept exactly")
        level = below

    # A key that stands twice is parsed once: then the text has more strings than the document.
    quotes = body.count(b'"')
    if b"\\" in body:
        # Without the backslashes that are meant as such, every other one begins an escape.
        escaped = body.replace(b"\\\\", b"") if b"\\\\" in body else body
        if b"\\u0000" in escaped:
            raise MalformedJsonError("U+0000 in a text")
        quotes -= escaped.count(b'\\"')
    if quotes != 2 * strings:
        raise MalformedJsonError("a key stands twice in one object")
    return document


def part_of(
    body: bytes,
    *,
    names: Sequence[str],
    longest: int,
    most_bytes: int,
    max_depth: int,
    max_items: int,
    max_nodes: int,
) -> dict[str, Any]:
    """The members *names* of the JSON object in *body*, their texts cut after *longest* characters.

    Raises what `parse` raises, and TooLargeJsonError where more than *most_bytes* are left.
    """
    document = parse(body, max_depth=max_depth, max_items=max_items, max_nodes=max_nodes)
    kept = {name: _cut(document[name], longest) for name in names if name in document}
    if len(dump(kept)) > most_bytes:
        raise TooLargeJsonError(f"more than {most_bytes} bytes of it would be read")
    return kept


def _cut(value: Any, longest: int) -> Any:
    kind = type(value)
    if kind is str:
        return value if len(value) <= longest else value[:longest]
    if kind is list:
        return [_cut(item, longest) for item in value]
    if kind is dict:
        return {name: _cut(item, longest) for name, item in value.items()}
    return value


def dump(document: Any) -> bytes:
    """*document* as compact UTF-8 JSON."""
    return orjson.dumps(document)
