"""The uvicorn that is installed is one that the bounds were tried with."""

import inspect
import re

import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from fedblog.front.protocol import BoundedProtocol
from fedblog.front.uvicorn_parts import ATTRIBUTES, CALLBACKS, OF_A_CYCLE, OF_A_TRANSPORT, TRIED


def test_installed_version_was_tried() -> None:
    assert ".".join(uvicorn.__version__.split(".")[:2]) in TRIED


def test_what_is_overridden_is_there_and_takes_the_same() -> None:
    own = [
        name
        for name, value in vars(BoundedProtocol).items()
        if inspect.isfunction(value) and name in dir(HttpToolsProtocol) and name[0] != "_"
    ]
    assert set(CALLBACKS) <= set(own)
    for name in own:
        theirs = inspect.signature(getattr(HttpToolsProtocol, name))
        assert list(inspect.signature(getattr(BoundedProtocol, name)).parameters) == list(
            theirs.parameters
        )


def test_what_is_read_is_there() -> None:
    source = inspect.getsource(HttpToolsProtocol)
    for name in ATTRIBUTES:
        assert f"self.{name}" in source
    source = inspect.getsource(RequestResponseCycle)
    for name in OF_A_CYCLE:
        assert f"self.{name} = " in source
    assert set(re.findall(r"transport\.(\w+)", source)) == set(OF_A_TRANSPORT)
    source = inspect.getsource(FlowControl)
    assert "read_paused" in source
    assert "write_paused" in source
