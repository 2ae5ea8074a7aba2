"""Pools whose threads run before they are needed."""

import threading

from fedblog.domain.threads import begun_pool


def test_threads_of_a_pool_have_begun_and_no_work_begins_another() -> None:
    pool = begun_pool("made-before", 3)
    before = {one.name for one in threading.enumerate() if one.name.startswith("made-before")}
    assert len(before) == 3
    used = {pool.submit(lambda: threading.current_thread().name).result() for _ in range(20)}
    assert used <= before
    pool.shutdown()
