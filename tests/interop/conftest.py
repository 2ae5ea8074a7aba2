"""The Fedify server as a fixture: one process (or two) for the run, emptied for each test."""

from collections.abc import Iterator

import pytest
from interop.fedify import Fedify, require


@pytest.fixture(scope="session")
def fedify_process() -> Iterator[Fedify]:
    """The process, or a skip with the reason."""
    require()
    started = Fedify.start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def other_fedify_process() -> Iterator[Fedify]:
    """A second process."""
    require()
    started = Fedify.start()
    yield started
    started.stop()


@pytest.fixture
async def other_fedify(other_fedify_process: Fedify) -> Fedify:
    """A second server, emptied, which gives its documents to unsigned requests; carl lives there.

    Two servers that both demanded signatures could not get each other's keys.
    """
    await other_fedify_process.reset(demandSigned=False)
    await other_fedify_process.person("carl", display="Carl")
    return other_fedify_process


@pytest.fixture
async def fedify(fedify_process: Fedify) -> Fedify:
    """The server, emptied; ann lives there."""
    await fedify_process.reset()
    await fedify_process.person("ann", display="Ann of Fedify")
    return fedify_process
