"""Identifiers, as another library reads them."""

import time
from datetime import UTC, datetime

import time_machine
from ulid import ULID

from fedblog.domain.ids import is_id, new_id


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
