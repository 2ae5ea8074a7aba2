"""Identifiers, as another library reads them."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from ulid import ULID

from fedblog.domain import ids
from fedblog.domain.ids import first_id_at, go_on_after, is_id, new_id

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No id was made before, and none goes on from those of the test."""
    monkeypatch.setattr(ids, "_last", (0, 0))


def test_ids_are_ulids_of_the_moment() -> None:
    before = int(time.time() * 1000)
    made = [new_id() for _ in range(2000)]
    after = int(time.time() * 1000)
    assert all(is_id(one) for one in made)
    assert all(before <= ULID.from_str(one).milliseconds <= after for one in made)
    assert len(set(made)) == len(made)


def test_later_ids_come_after_earlier_ones() -> None:
    made = []
    for year in (1971, 2026, 2027, 4000):
        with time_machine.travel(datetime(year, 3, 1, tzinfo=UTC)):
            made.append(new_id())
    assert made == sorted(made)


def test_every_bit_of_what_is_random_varies() -> None:
    found = []
    for second in range(200):
        with time_machine.travel(second):
            found.append(int.from_bytes(ULID.from_str(new_id()).bytes[6:]))
    ones, zeros = 0, 0
    for one in found:
        ones |= one
        zeros |= ~one
    assert ones == (1 << 80) - 1
    assert zeros & ones == ones


def test_ids_of_one_millisecond_stand_in_the_order_in_which_they_were_made() -> None:
    with time_machine.travel(0, tick=False):
        made = [new_id() for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == 2000


def test_ids_do_not_go_back_with_a_clock_that_was_ahead() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    made = []
    for moment in (now + 3 * HOUR, now, now + HOUR, now + 4 * HOUR):
        with time_machine.travel(moment):
            made += [new_id() for _ in range(3)]
    assert made == sorted(set(made))
    with time_machine.travel(now + 5 * HOUR):
        assert new_id() > first_id_at(now + 5 * HOUR)


def test_ids_of_another_age_are_not_gone_on_from() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with time_machine.travel(now + timedelta(days=365)):
        new_id()
    with time_machine.travel(now):
        assert new_id() < first_id_at(now + HOUR)


def test_ids_go_on_after_those_of_an_earlier_process() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with time_machine.travel(now + 3 * HOUR):
        earlier = new_id()
    ids._last = (0, 0)
    with time_machine.travel(now, tick=False):
        assert new_id() < earlier
        go_on_after(earlier)
        made = [new_id() for _ in range(3)]
        go_on_after(first_id_at(now))
        assert earlier < min(made)
        assert new_id() > max(made)
