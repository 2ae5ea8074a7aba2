"""Strict JSON: what two parsers could read differently, or a database refuse, never gets in."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.activitystreams.errors import MalformedJsonError, TooLargeJsonError
from fedblog.activitystreams.json import dump, parse


def read(
    body: bytes, *, max_depth: int = 32, max_items: int = 1000, max_nodes: int = 20_000
) -> object:
    return parse(body, max_depth=max_depth, max_items=max_items, max_nodes=max_nodes)


def test_an_ordinary_document_is_read_as_it_is() -> None:
    body = '{"a": [1, -2.5, true, null], "b": {"c": "täxt \\"q\\" \\\\ \\u00e9 \\ud83d\\ude00"}}'
    assert read(body.encode()) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"nonsense",
        b"[]",
        b"[{}]",
        b'"text"',
        b"1",
        b"null",
        b"{} {}",
        b"\xff\xfe{}",
    ],
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        read(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a":"\\u0000"}', id="NUL"),
        pytest.param(b'{"a\\u0000":1}', id="NUL in a key"),
        pytest.param(b'{"a":[{"b":["x\\\\\\u0000"]}]}', id="NUL after a backslash, deep inside"),
        pytest.param(b'{"a":"\x00"}', id="raw NUL"),
        pytest.param(b'{"a":"\\ud800"}', id="lone high surrogate"),
        pytest.param(b'{"a":"\\udc00\\ud800"}', id="surrogates in the wrong order"),
        pytest.param(b'{"\\ud83d":1}', id="surrogate in a key"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="surrogate in UTF-8"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":-Infinity}', id="Infinity"),
        pytest.param(b'{"a":1e999}', id="overflow"),
        pytest.param(b'{"a":' + b"9" * 400 + b"}", id="400 digits"),
        pytest.param(b'{"a":-' + b"9" * 25 + b"}", id="25 digits"),
        pytest.param(b'{"a":[1e300]}', id="a huge float"),
        pytest.param(b'{"a":1,"a":2}', id="a key twice"),
        pytest.param(b'{"a":1, "b":2, "a" :1}', id="a key twice, the same value"),
        pytest.param(b'{"x":{"id":"1","\\u0069d":"2"}}', id="a key twice, once escaped"),
        pytest.param(b'{"x":[{"a":"\\"","a":"\\\\"}]}', id="a key twice among escapes"),
    ],
)
def test_s36_poison_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJsonError):
        read(body)


@pytest.mark.parametrize(
    "text",
    ['{"a":"\\\\u0000"}', '{"a":"\\\\","b":"\\\\\\""}', '{"a\\"":1,"a\\\\":2}', '{"a:":":\\":"}'],
)
def test_what_only_looks_like_poison_is_read(text: str) -> None:
    assert read(text.encode()) == json.loads(text)


def test_s17_deep_nesting_and_long_lists_are_too_large() -> None:
    deep = b'{"a":' * 33 + b"1" + b"}" * 33
    with pytest.raises(TooLargeJsonError):
        read(deep)
    assert read(b'{"a":' * 32 + b"1" + b"}" * 32)
    for abyss in (b"[" * 100_000, b'{"a":' * 20_000 + b"1" + b"}" * 20_000):
        with pytest.raises((TooLargeJsonError, MalformedJsonError)):
            read(abyss)
    with pytest.raises(TooLargeJsonError):
        read(dump({"to": ["x"] * 1001}))
    assert read(dump({"to": ["x"] * 1000}))
    with pytest.raises(TooLargeJsonError):
        read(dump({str(number): 1 for number in range(1001)}))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(-1e15, 1e15)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(st.dictionaries(st.text(), values, max_size=6), st.booleans(), st.sampled_from([None, 1]))
def test_read_is_what_was_written_or_a_named_refusal(
    document: dict[str, object], ascii_only: bool, indent: int | None
) -> None:
    try:
        body = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    except UnicodeEncodeError:
        return
    try:
        found = read(body)
    except MalformedJsonError:
        assert (
            "\\u0000" in body.decode() or "\\ud" in body.decode().lower() or "9223" in str(document)
        )
    else:
        assert found == document


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")))
def test_any_bytes_are_read_or_refused_by_name(body: bytes) -> None:
    with contextlib.suppress(MalformedJsonError, TooLargeJsonError):
        assert isinstance(read(body), dict)


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(), min_size=1, max_size=5))
def test_s36_a_repeated_key_is_found_wherever_it_stands(document: dict[str, int]) -> None:
    try:
        pairs = [f"{json.dumps(key)}:{value}".encode() for key, value in document.items()]
    except UnicodeEncodeError:
        return
    with pytest.raises(MalformedJsonError):
        read(b"{" + b",".join([*pairs, pairs[0]]) + b"}")
