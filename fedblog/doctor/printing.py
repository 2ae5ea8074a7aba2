"""Prints a report: what is wrong first, in plain lines that any terminal can show."""

from collections.abc import Callable

from fedblog.doctor.findings import Finding, Level, Report
from fedblog.text.sanitise import remote_text

_ORDER = (Level.WRONG, Level.MIND, Level.GOOD)
_LENGTH = 600


def show(report: Report, say: Callable[[str], None]) -> None:
    """Say each finding of *report* in a line, then the verdict.

    What others wrote stands in the lines, so control characters are taken out of them.
    """
    for level in _ORDER:
        for finding in report.findings:
            if finding.level is level:
                say(_line(finding))
    wrong = sum(finding.level is Level.WRONG for finding in report.findings)
    subject = remote_text(report.subject, limit=_LENGTH)
    if wrong:
        say(f"{subject}: {wrong} {'thing goes' if wrong == 1 else 'things go'} wrong.")
    else:
        say(f"{subject}: nothing goes wrong.")


def _line(finding: Finding) -> str:
    peers = f" [{finding.peers}]" if finding.peers else ""
    text = remote_text(f"{finding.about}: {finding.text}", limit=_LENGTH)
    return f"{finding.level.upper():5} {text}{peers}"
