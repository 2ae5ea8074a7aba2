"""Token buckets: a burst, then so many a minute, each key by itself."""

import pytest

from fedblog.domain.rates import TokenBuckets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_bucket_gives_its_burst_and_then_says_how_long_to_wait() -> None:
    buckets = TokenBuckets(6, 2, clock=Clock())
    assert [buckets.take("a") for _ in range(3)] == [0.0, 0.0, 10.0]


def test_keys_have_a_bucket_each() -> None:
    buckets = TokenBuckets(6, 1, clock=Clock())
    assert buckets.take("a") == 0.0
    assert buckets.take(("b", 1)) == 0.0
    assert buckets.take("a") > 0


def test_bucket_grows_back_to_its_burst_and_no_further() -> None:
    clock = Clock()
    buckets = TokenBuckets(6, 2, clock=clock)
    for _ in range(3):
        buckets.take("a")
    clock.now += 10
    assert [buckets.take("a") for _ in range(2)] == [0.0, 10.0]
    clock.now += 3600
    assert [bool(buckets.take("a")) for _ in range(3)] == [False, False, True]


def test_refused_takes_do_not_put_the_next_one_off() -> None:
    clock = Clock()
    buckets = TokenBuckets(60, 1, clock=clock)
    buckets.take("a")
    for _ in range(7):
        clock.now += 0.125
        assert buckets.take("a") > 0
    clock.now += 0.125
    assert buckets.take("a") == 0.0


def test_costs_are_taken_whole_or_not_at_all() -> None:
    buckets = TokenBuckets(60, 10, clock=Clock())
    assert buckets.take("a", 8) == 0.0
    assert buckets.take("a", 8) == pytest.approx(6.0)
    assert buckets.take("a", 2) == 0.0


def test_looking_counts_nothing() -> None:
    buckets = TokenBuckets(60, 1, clock=Clock())
    assert [buckets.wait("a") for _ in range(3)] == [0.0] * 3
    assert buckets.take("a") == 0.0
    assert buckets.wait("a") == pytest.approx(1.0)


def test_s19_buckets_are_bounded_and_full_ones_are_forgotten() -> None:
    clock = Clock()
    buckets = TokenBuckets(60, 2, 100, clock=clock)
    for number in range(10_000):
        buckets.take(f"host{number}.example")
    assert len(buckets) == 100
    clock.now += 2
    assert len(buckets) == 0


def test_rate_of_nothing_gives_the_burst_alone() -> None:
    clock = Clock()
    buckets = TokenBuckets(0, 1, clock=clock)
    assert buckets.take("a") == 0.0
    clock.now += 3600
    assert buckets.take("a") > 0
