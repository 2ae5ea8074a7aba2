"""Pools of threads that run before they are needed.

A ThreadPoolExecutor begins a thread when work first comes, and waits until that thread was given
the interpreter. On a busy event loop that is a turn of many milliseconds.
"""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier


def begun_pool(name: str, threads: int) -> ThreadPoolExecutor:
    """A pool of *threads*, called after *name*, that have all begun. Waits for them: to be called
    off the event loop, or before anyone is served."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
    together = Barrier(threads + 1)
    for _ in range(threads):
        pool.submit(together.wait)  # holds its thread, so that the next one needs another
    together.wait()
    return pool
