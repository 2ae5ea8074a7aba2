"""What a batch knows of one kind of fact: what one activity did is taken back alone."""

from fedblog.federation.kept import Kept


def test_what_was_done_since_the_last_commit_is_taken_back_and_nothing_else() -> None:
    kept = Kept([("a", 1), ("b", 2)])
    kept.put("a", 10)
    kept.put("c", 3)
    kept.commit()
    kept.put("a", 100)
    kept.remove("b")
    kept.remove("c")
    kept.put("d", 4)
    kept.undo()
    assert {key: kept.get(key) for key in "abcd"} == {"a": 10, "b": 2, "c": 3, "d": None}
    assert kept.added() == [3]
    assert kept.changed() == [10]
    assert kept.revised() == [(1, 10)]
    assert kept.removed() == []
    assert kept.fresh() == {"a": 10, "c": 3}


def test_what_is_gone_is_in_no_group() -> None:
    kept = Kept([("a1", "a"), ("a2", "a"), ("b1", "b")], group=str)
    kept.remove("a1")
    kept.put("a3", "a")
    kept.remove("b1")
    assert kept.of("a") == ["a", "a"]
    assert kept.of("b") == []
    assert kept.removed() == ["a", "b"]
