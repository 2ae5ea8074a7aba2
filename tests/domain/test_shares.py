"""Where there is too much, those who have most come down to one level."""

import pytest

from fedblog.domain.shares import surplus


@pytest.mark.parametrize(
    ("held", "most", "given"),
    [
        ({}, 3, {}),
        ({"a": 3}, 3, {}),
        ({"a": 5}, 3, {"a": 2}),
        ({"a": 1, "b": 9, "c": 1}, 5, {"b": 6}),
        ({"a": 8, "b": 2, "c": 6}, 10, {"a": 4, "c": 2}),
        ({"a": 4, "b": 4, "c": 4}, 7, {"a": 1, "b": 2, "c": 2}),
        ({"a": 1, "b": 1, "c": 1}, 2, {"c": 1}),
        ({"a": 2, "b": 1}, 0, {"a": 2, "b": 1}),
    ],
)
def test_who_has_most_makes_way(held: dict[str, int], most: int, given: dict[str, int]) -> None:
    assert surplus(held, most) == given
    left = sum(held.values()) - sum(given.values())
    assert left == min(most, sum(held.values()))
