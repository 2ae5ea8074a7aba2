"""Requests whose head or body is out of bounds, as they come where no proxy stands in front."""

from parts.attacks.stage import Kind, Stage, answered


def _head(stage: Stage, *lines: str, target: str = "/") -> bytes:
    written = [f"GET {target} HTTP/1.1", f"Host: {stage.host}", *lines, "", ""]
    return "\r\n".join(written).encode("latin-1")


def _large_head(stage: Stage, number: int) -> bytes:
    return _head(stage, *(f"X-{place}: {number}{'a' * 990}" for place in range(60)))


def _many_headers(stage: Stage, number: int) -> bytes:
    return _head(stage, *(f"a{place}: {number}" for place in range(5000)))


def _endless_header(stage: Stage, number: int) -> bytes:
    return _head(stage, f"X: {number}" + "a" * 64_000)


def _long_target(stage: Stage, number: int) -> bytes:
    return _head(stage, target=f"/{number}?" + "a" * 30_000)


def _chunked(stage: Stage, rest: bytes) -> bytes:
    head = (
        f"POST /ap/inbox HTTP/1.1\r\nHost: {stage.host}\r\nTransfer-Encoding: chunked\r\n"
        "Content-Type: application/activity+json\r\n\r\n"
    )
    return head.encode() + rest


def _crumbs(stage: Stage, number: int) -> bytes:
    return _chunked(stage, b"1\r\na\r\n" * 5000)


def _extensions(stage: Stage, number: int) -> bytes:
    return _chunked(stage, f"1;{number}".encode() + b"e" * 600_000)


KINDS = [
    Kind("large head", _large_head, answered(431)),
    Kind("many headers", _many_headers, answered(431)),
    Kind("endless header", _endless_header, answered(431)),
    Kind("long target", _long_target, answered(414)),
    Kind("body in crumbs", _crumbs, answered(400, "none")),
    Kind("chunk without end", _extensions, answered(400, 401, "none")),
]
