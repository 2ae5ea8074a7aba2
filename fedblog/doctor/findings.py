"""What was found: one sentence each, how bad it is, and with whom."""

from dataclasses import dataclass
from enum import StrEnum

EVERYBODY = "everybody"


class Level(StrEnum):
    """How bad a finding is. Only what is WRONG makes the subject unhealthy."""

    GOOD = "good"
    MIND = "mind"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """*text* about a part of the subject; *peers* names those with whom it matters."""

    level: Level
    about: str
    text: str
    peers: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found about *subject*."""

    subject: str
    findings: tuple[Finding, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.level is not Level.WRONG for finding in self.findings)


class Notes:
    """Findings as they are made; the same one twice counts once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def good(self, about: str, text: str) -> None:
        """Note that something is as peers want it."""
        self.add(Finding(Level.GOOD, about, text))

    def mind(self, about: str, text: str, peers: str = "") -> None:
        """Note what is worse than it could be with some."""
        self.add(Finding(Level.MIND, about, text, peers))

    def wrong(self, about: str, text: str, peers: str = EVERYBODY) -> None:
        """Note what does not work with *peers*."""
        self.add(Finding(Level.WRONG, about, text, peers))

    def add(self, finding: Finding) -> None:
        """Note *finding*."""
        self._found[finding] = None

    def all(self) -> tuple[Finding, ...]:
        """What was noted, in order."""
        return tuple(self._found)
