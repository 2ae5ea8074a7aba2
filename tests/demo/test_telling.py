"""A step counts only once it is seen."""

import io

import pytest
from rich.console import Console

from fedblog.demo.exchange import ExchangeError
from fedblog.demo.telling import StoryBrokenError, Telling


@pytest.fixture
def output():
    return io.StringIO()


@pytest.fixture
def telling(output):
    return Telling(Console(file=output), patience=0.05)


def test_step_that_is_seen_later_counts_with_its_id_and_place(telling, output):
    answers = iter([None, None, "on a page"])
    telling.step("It happens", lambda: "http://id", lambda: next(answers))
    assert not telling.report_missing()
    for text in ("It happens", "http://id", "on a page", " ms"):
        assert text in output.getvalue()


def test_step_that_is_never_seen_is_named_at_the_end(telling, output):
    telling.step("It happens", lambda: "", lambda: None)
    telling.step("It is seen", lambda: "", lambda: "here")
    assert telling.report_missing()
    assert "1 of 2 steps were not seen:\n  It happens" in output.getvalue()


def test_page_that_cannot_be_fetched_yet_is_asked_for_again(telling):
    tries = []

    def seen():
        tries.append(1)
        if len(tries) < 3:
            raise ExchangeError("not there yet")
        return "there"

    telling.step("It happens", lambda: "", seen)
    assert not telling.report_missing()


def test_step_that_cannot_be_done_ends_the_story(telling, output):
    def refused():
        raise ExchangeError("the blog answered 500")

    with pytest.raises(StoryBrokenError):
        telling.step("It happens", refused, lambda: "here")
    assert telling.report_missing()
    assert "the blog answered 500" in output.getvalue()
