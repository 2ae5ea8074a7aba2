"""What the process remembers is bounded and passes."""

from fedblog.domain.memory import Memory


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_s19_memory_never_holds_more_than_its_bound() -> None:
    memory: Memory[int, int] = Memory(3)
    for number in range(1000):
        memory.put(number, number)
    assert len(memory) == 3
    assert [memory.get(number) for number in (996, 997, 998, 999)] == [None, 997, 998, 999]


def test_longest_unused_entry_goes_first() -> None:
    memory: Memory[str, int] = Memory(2)
    memory.put("a", 1)
    memory.put("b", 2)
    memory.get("a")
    memory.put("c", 3)
    assert (memory.get("a"), memory.get("b"), memory.get("c")) == (1, None, 3)


def test_entry_with_a_term_passes() -> None:
    clock = Clock()
    memory: Memory[str, int] = Memory(2, clock=clock)
    memory.put("a", 1, seconds=10)
    clock.now += 9
    assert memory.get("a") == 1
    clock.now += 1
    assert memory.get("a") is None
    assert len(memory) == 0


def test_entries_that_match_are_dropped_and_the_others_stay() -> None:
    memory: Memory[str, int] = Memory(9)
    for name, value in (("a", 1), ("b", 2), ("c", 3)):
        memory.put(name, value)
    memory.drop_where(lambda value: value != 2)
    memory.drop("nothing")
    assert [memory.get(name) for name in "abc"] == [None, 2, None]
    memory.clear()
    assert len(memory) == 0
