"""The uvicorn that is installed is one that the bounds were tried with."""

import inspect
import re

import pytest
import uvicorn
from uvicorn.middleware.proxy_headers import _TrustedHosts
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from fedblog.front.bounds import Trusted
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


@pytest.mark.parametrize(
    "listed",
    ["*", "", "127.0.0.1", "10.0.0.0/8, ::1", "10.0.0.1/8", "fd00::/8,proxy", "10.1.0.0/16"],
)
def test_who_is_trusted_is_whom_uvicorn_trusts(listed: str) -> None:
    ours, theirs = Trusted(listed), _TrustedHosts(listed)
    for address in ("127.0.0.1", "10.0.0.1", "10.1.2.3", "::1", "fd00::7", "192.0.2.1"):
        assert (address in ours) == (address in theirs), address


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
