"""What the bounds use of uvicorn beyond its documented surface, and with which versions that held.

`BoundedProtocol` is a subclass of uvicorn's protocol, whose inside uvicorn may change at any time.
A test fails with a version that is not listed here: then read the protocol anew, run tests/front,
and add it.
"""

TRIED = ("0.54",)
"""Versions, first two numbers, that tests/front was run with."""

CALLBACKS = (
    "on_url",
    "on_header",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
    "on_response_complete",
    "send_400_response",
)
"""Methods that are overridden: httptools, uvicorn's cycle and its handling of errors call them.
``on_url``, ``on_header``, ``on_response_complete`` and the last take the place of uvicorn's."""

ATTRIBUTES = (
    *("client", "cycle", "expect_100_continue", "flow", "headers", "pipeline", "server_state"),
    *("loop", "tasks", "transport", "url"),
)
"""What is used of a connection (``url`` and ``headers`` once a request has begun); of a flow
``read_paused`` and ``write_paused``."""

OF_A_CYCLE = (
    *("access_log", "default_headers", "disconnected", "flow", "keep_alive", "message_event"),
    *("more_body", "on_response", "response_complete", "response_started", "scope", "transport"),
    "waiting_for_100_continue",
)
"""What is read or set of a request and its answer."""

OF_A_TRANSPORT = ("close", "is_closing", "write")
"""All that a request and its answer use of their transport: what stands in its place has it."""
