"""Whose turn it is: hosts go round, and no host holds all senders."""

from collections import Counter
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from fedblog.jobs.host_queues import TROUBLED_SECONDS, HostQueues
from fedblog.storage.dispatch import ClaimedDelivery

LEASE = datetime(2026, 11, 5, tzinfo=UTC)


def to(host: str, number: int, attempts: int = 0) -> ClaimedDelivery:
    return ClaimedDelivery("activity", number, f"https://{host}/{number}", host, attempts, LEASE)


def many(host: str, count: int) -> list[ClaimedDelivery]:
    return [to(host, number) for number in range(count)]


def hosts_of(deliveries: list[ClaimedDelivery]) -> Counter[str]:
    return Counter(delivery.host for delivery in deliveries)


def test_hosts_take_turns_and_keep_their_own_order() -> None:
    queues = HostQueues(per_host=8, troubled_limit=4)
    queues.add([*many("a", 5), *many("b", 2)])
    taken = queues.take(4)
    assert [delivery.host for delivery in taken] == ["a", "b", "a", "b"]
    assert [delivery.inbox_id for delivery in taken if delivery.host == "a"] == [0, 1]
    assert len(queues) == 3


def test_host_has_no_more_under_way_than_its_share() -> None:
    queues = HostQueues(per_host=3, troubled_limit=4)
    queues.add([*many("slow", 50), *many("quick", 2)])
    taken = queues.take(64)
    assert hosts_of(taken) == {"slow": 3, "quick": 2}
    assert not queues.has_ready
    queues.done(taken[0], answered=True)
    assert queues.has_ready
    assert len(queues.take(64)) == 1


def test_hosts_without_answers_share_few_senders() -> None:
    queues = HostQueues(per_host=8, troubled_limit=4)
    queues.add([*many("dead-1", 20), *many("dead-2", 20), *many("alive", 20)])
    first = queues.take(6)
    for delivery in first:
        queues.done(delivery, answered=not delivery.host.startswith("dead"))
    taken = hosts_of(queues.take(64))
    assert taken["dead-1"] + taken["dead-2"] == 4
    assert taken["alive"] == 8


def test_host_that_answers_again_is_like_any_other() -> None:
    queues = HostQueues(per_host=8, troubled_limit=2)
    queues.add(many("host", 30))
    (first,) = queues.take(1)
    queues.done(first, answered=False)
    taken = queues.take(64)
    assert len(taken) == 2
    queues.done(taken[0], answered=True)
    assert len(queues.take(64)) == 7


def test_trouble_is_remembered_for_a_while() -> None:
    now = 100.0
    queues = HostQueues(per_host=8, troubled_limit=2, clock=lambda: now)
    queues.add(many("dead", 1))
    queues.done(queues.take(1)[0], answered=False)
    queues.add(many("dead", 20))
    assert len(queues.take(64)) == 2

    queues = HostQueues(per_host=8, troubled_limit=2, clock=lambda: now)
    queues.add(many("dead", 1))
    queues.done(queues.take(1)[0], answered=False)
    now += TROUBLED_SECONDS + 1
    queues.add(many("dead", 20))
    assert len(queues.take(64)) == 8


def test_crowded_hosts_and_retries_are_counted() -> None:
    queues = HostQueues(per_host=2, troubled_limit=2)
    queues.add([*many("big", 10), *many("small", 2), to("other", 1, attempts=3)])
    assert queues.crowded(5) == ["big"]
    assert queues.waiting_for("big") == 10
    assert queues.waiting_for("nobody") == 0
    assert queues.retries == 1
    queues.take(64)
    assert queues.retries == 0


@given(
    hosts=st.lists(st.sampled_from("abcde"), max_size=60),
    answers=st.lists(st.booleans(), min_size=1, max_size=20),
    size=st.integers(1, 10),
)
def test_everything_is_taken_exactly_once_within_the_bounds(
    hosts: list[str], answers: list[bool], size: int
) -> None:
    queues = HostQueues(per_host=3, troubled_limit=2)
    queues.add([to(host, number) for number, host in enumerate(hosts)])
    taken: list[int] = []
    under_way: list[ClaimedDelivery] = []
    turn = 0
    while len(queues) or under_way:
        batch = queues.take(size)
        under_way += batch
        taken += [delivery.inbox_id for delivery in batch]
        assert all(count <= 3 for count in hosts_of(under_way).values())
        if under_way:
            turn += 1
            queues.done(under_way.pop(0), answered=answers[turn % len(answers)])
        else:
            assert not len(queues), "deliveries wait and none is ready"
    assert sorted(taken) == list(range(len(hosts)))
    assert not queues.has_ready
