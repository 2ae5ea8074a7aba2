"""What an answer of an inbox means: the table of the manual and the code say the same."""

import re
from pathlib import Path

import pytest

from fedblog.domain.delivery import Answer, is_retried, is_success, meaning

MANUAL = Path(__file__).parents[2] / "docs" / "operations.md"


def table() -> dict[str, str]:
    """The rows of the table of answers: their first cells, and the other two."""
    text = MANUAL.read_text(encoding="utf-8").split("| answer | this delivery |", 1)[1]
    rows = [line.split("|")[1:-1] for line in text.split("\n\n", 1)[0].splitlines()[2:]]
    return {cells[0].strip(): " ".join(cells[1:]) for cells in rows}


def test_every_answer_of_the_manual_means_what_it_says() -> None:
    said = {
        int(status): row
        for answer, row in table().items()
        for status in re.findall(r"\b[1-5]\d\d\b", answer)
    }
    for status, row in said.items():
        ends = row.strip().startswith(("ends", "once more"))
        assert is_retried(status) is not ends, status
        assert (meaning(status) is Answer.SILENT) == row.strip().endswith("a silent day") or (
            meaning(status) is Answer.ELSEWHERE
        ), status
        asks = meaning(status) in (Answer.ABSENT, Answer.ELSEWHERE)
        assert asks == ("the actor is asked" in row), status
    assert {status for status in range(300, 500) if is_retried(status)} <= said.keys()


@pytest.mark.parametrize("status", range(200, 300, 7))
def test_success_of_any_kind_is_taken(status: int) -> None:
    assert is_success(status)
    assert not is_retried(status)


@pytest.mark.parametrize("status", [None, 500, 501, 503, 521, 599])
def test_no_answer_and_trouble_of_the_host_are_silence(status: int | None) -> None:
    assert meaning(status) is Answer.SILENT
