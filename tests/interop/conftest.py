"""The Fedify server as a fixture: one process for the run, emptied for each test."""

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


@pytest.fixture
async def fedify(fedify_process: Fedify) -> Fedify:
    """The server, emptied; ann lives there."""
    await fedify_process.reset()
    await fedify_process.person("ann", display="Ann of Fedify")
    return fedify_process
