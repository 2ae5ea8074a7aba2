"""uvicorn's protocol over httptools, with bounds on what a peer can make it hold.

httptools has none: without a proxy in front a head could be of any length and take for ever, and
many small requests in one packet became as many waiting answers. What is used of uvicorn is listed
in `uvicorn_parts`.
"""

import asyncio
from functools import partial
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from fedblog.endpoints.whole import EXTENSION
from fedblog.front.bounds import Bounds
from fedblog.front.connections import LINGER_BYTES, Connections, Phase

_PIPELINED = 16
"""Requests that may wait behind the one that is being answered (HTTP/1.1 pipelining)."""
_FREE_PARTS = 1024
_LEAST_PART = 64
"""Bytes that the parts of a body have on the average, after the first _FREE_PARTS."""
_SEND_BUFFER = 16 << 10
"""Bytes of an answer that may wait in this process before its peer counts as slow."""

_JOINED = 4 << 10
"""Bytes of a body that are copied behind the head, rather than written by themselves."""

# Called for each request: bound once, super() costs as much as the work.
_data_received = HttpToolsProtocol.data_received
_on_headers_complete = HttpToolsProtocol.on_headers_complete
_on_message_complete = HttpToolsProtocol.on_message_complete
_BODILESS = (b"GET", b"HEAD")
_IDLE, _HEAD, _BODY, _WHOLE, _LINGER = Phase.IDLE, Phase.HEAD, Phase.BODY, Phase.WHOLE, Phase.LINGER


class RefusedError(Exception):
    """The parser is to stop: the request is over a bound."""


class _EndsAfterBody:
    """The transport as uvicorn's answer to a request with a body sees it: what it closes while the
    peer still sends is closed only when the peer has had its answer (RFC 9112, section 9.6)."""

    def __init__(self, protocol: "BoundedProtocol", cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self._send = cycle.send
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    async def send(self, message: Any) -> None:
        """Send; an answer before a body of which more may come than is waited for says that the
        connection ends. So does one before a body that nobody was told to send: whether it comes
        is not known, and the next request would be taken for it (RFC 9110, section 10.1.1)."""
        cycle = self._cycle
        if cycle.more_body and not cycle.response_started:
            length = dict(cycle.scope["headers"]).get(b"content-length", b"")
            is_short = length.isdigit() and int(length) - self._protocol.body <= LINGER_BYTES
            is_sure = is_short and not cycle.waiting_for_100_continue
            cycle.keep_alive = cycle.keep_alive and is_sure
        await self._send(message)

    def close(self) -> None:
        """End the connection, at once where the whole request has come."""
        if self._cycle.more_body and self._cycle.response_complete:
            self._protocol.linger()
        else:
            self._protocol.transport.close()


class Front:
    """Makes the protocols of one server; given to uvicorn as its ``http``.

    It can be pickled until the first connection: uvicorn gives it to the processes it starts.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self.connections: Connections | None = None

    def __call__(self, **given: Any) -> "BoundedProtocol":
        """A protocol for a new connection."""
        if self.connections is None:
            self.connections = Connections(self.bounds)
        return BoundedProtocol(connections=self.connections, **given)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. The callbacks of the parser count what comes; `Connections` has the clock."""

    def __init__(self, *, connections: Connections, **given: Any) -> None:
        super().__init__(**given)
        bounds = connections.bounds
        self._all = connections
        self._head_bytes = bounds.head_bytes
        self._most_headers = bounds.headers
        self._target_bytes = bounds.target_bytes
        self.phase = Phase.HEAD
        self.since = connections.now
        self.body = 0
        self.unsent = 0
        self.stuck_since: float | None = None
        self._parts = 0
        self._fed = 0
        self._must_count = False
        self.held = 0
        self._refusal = 400
        self._is_refused = False
        self._thrown = 0
        self._answered: RequestResponseCycle | None = None

    # The transport's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A peer has connected."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_SEND_BUFFER)
        status = self._all.admit(self, self.client[0] if self.client else None)
        self.since = self._all.now
        if status:
            transport.write(_answer(status))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._all.forget(self)
        # uvicorn tells the request that came last. The one that is being answered may be another,
        # with others behind it: it would write on, fail, and leave a page in the log.
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._is_refused:
            self._thrown += len(data)
            if self._thrown > LINGER_BYTES:
                self.transport.close()
            return
        before, body = self.phase, self.body
        if before is _IDLE:
            self.phase = _HEAD
            self.since = self._all.now
            self._fed = 0
        self._fed += len(data)
        self._must_count = self._fed > self._head_bytes
        _data_received(self, data)
        after = self.phase
        if after is _HEAD:
            if before is _BODY or before is _WHOLE:
                self._fed = 0  # the next request began behind another
            elif self._fed > self._head_bytes:
                self.close(431)  # a header without an end
        elif after is not before or self.body != body:
            self._fed = 0
        elif self._fed > self._head_bytes and before is not _WHOLE:
            self.close(400)  # what stands between the parts of a body

    def pause_writing(self) -> None:
        """More waits to be read than the buffer holds."""
        self.stuck_since = self._all.now
        self.unsent = self.count_unsent()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The peer has read."""
        self.stuck_since = None
        self.unsent = 0
        super().resume_writing()

    # The parser's side

    def on_url(self, url: bytes) -> None:
        """A part of the request's target."""
        if self.phase is not _HEAD:  # behind another in the same bytes
            self.phase = _HEAD
            self.since = self._all.now
            self._must_count = True
        self.url += url
        if len(self.url) > self._target_bytes:
            self._stop(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what comes after the body (a trailer) is left out."""
        if self.phase is not _HEAD:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        headers = self.headers
        headers.append((name, value))
        if len(headers) > self._most_headers:
            self._stop(431)

    def on_headers_complete(self) -> None:
        """The head is whole: the application begins."""
        if self._must_count:
            size = sum(len(name) + len(value) for name, value in self.headers)
            if size + len(self.url) > self._head_bytes:
                self._stop(431)
        if self.pipeline and len(self.pipeline) >= _PIPELINED:
            self._stop(503)
        _on_headers_complete(self)  # raises where the target is none: still the head's fault
        self.phase = _BODY
        self.since = self._all.now
        self.body = self._parts = 0
        if not self.pipeline:
            self._answered = self.cycle
        # The application begins in a task that has not run yet: what it sends goes by way of this.
        if self.expect_100_continue or self.parser.get_method() not in _BODILESS:
            ends = _EndsAfterBody(self, self.cycle)
            self.cycle.transport = ends  # type: ignore[assignment]
            self.cycle.send = ends.send  # type: ignore[method-assign]
        # And it is offered the short way.
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {EXTENSION: partial(_send_whole, self.cycle)}

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._parts += 1
        self.body += len(body)
        if self._parts > _FREE_PARTS and self.body < self._parts * _LEAST_PART:
            self._stop(400)
        if self.phase is _BODY:
            self._all.hold(self, len(body))
        elif self.phase is _LINGER and self.body > LINGER_BYTES:
            self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        if self.phase is _LINGER:
            self.phase = _IDLE
            self.since = self._all.now
        else:
            self.phase = _WHOLE
        _on_message_complete(self)

    def on_response_complete(self) -> None:
        """The answer is written."""
        if self.held:
            self._all.release(self)
        if self.cycle.response_complete:  # not one that others wait behind
            if self.phase is _WHOLE:
                self.phase = _IDLE
            elif self.phase is _BODY:
                self.phase = _LINGER
            self.since = self._all.now
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._answered = cycle
            task = self.loop.create_task(cycle.run_asgi(app))
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)
        # uvicorn sets a timer for each idle connection here; Connections looks at them all.

    def send_400_response(self, msg: str) -> None:
        """The parser has stopped, by its own rules or by ours."""
        self.close(self._refusal)

    # The registry's side

    def is_read_paused(self) -> bool:
        """Whether it is we who do not read."""
        return self.flow.read_paused

    def is_closing(self) -> bool:
        """Whether the connection ends."""
        return self.transport.is_closing()

    def count_unsent(self) -> int:
        """Bytes that wait to be read by the peer."""
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """End it at once."""
        self.transport.abort()

    def close(self, status: int) -> None:
        """End it, with an answer of *status* where the request has none yet (0: without one)."""
        if self.transport.is_closing():
            return
        is_between = self.cycle is None or self.cycle.response_complete
        if self._is_refused or not status:
            self.transport.close()
        elif is_between:
            self.transport.write(_answer(status))
            self.linger()
        else:
            if self.phase is _BODY and not (self.cycle.response_started or self.pipeline):
                self.transport.write(_answer(status))
            self.transport.close()

    def linger(self) -> None:
        """Close when the peer has read its answer: what still comes is read and thrown away. Closed
        at once, the peer might lose the answer."""
        if self._is_refused or self.transport.is_closing():
            return
        self._is_refused = True
        self.phase = _LINGER
        self.since = self._all.now
        self.flow.resume_reading()
        self.transport.write_eof()

    def _stop(self, status: int) -> None:
        self._refusal = status
        raise RefusedError


def _send_whole(cycle: RequestResponseCycle, head: bytes, body: bytes) -> bool:
    """Answer the request of *cycle* with *head* and *body* (endpoints/whole.py); False where it has
    to go by way of uvicorn: the peer is slow, or gone, or waits to be told to send its body, or an
    answer has begun."""
    if cycle.response_started or cycle.disconnected or cycle.flow.write_paused or cycle.access_log:
        return False
    if cycle.waiting_for_100_continue:
        return False
    cycle.response_started = cycle.response_complete = True
    lines = [head]
    for name, value in cycle.default_headers:  # the date, made once a second
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
    if len(body) <= _JOINED:
        lines.append(body)
        cycle.transport.write(b"".join(lines))
    else:
        cycle.transport.write(b"".join(lines))
        cycle.transport.write(body)
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


def _answer(status: int) -> bytes:
    """A whole answer without a body."""
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "content-length: 0",
        "connection: close",
        "cache-control: no-store",
    ]
    if status in (429, 503):
        lines.append("retry-after: 5")
    return "\r\n".join([*lines, "", ""]).encode("ascii")
