"""Our recording format: a conversation of two servers, as it came over the wire, in one JSON file.

A recording says who the two servers were (base URLs, fedblog's keys, the post that is talked
about), and has steps. A step has the exchanges that happened in it, in order, and what fedblog
showed after it. An exchange is one request and its answer, as the server that was asked saw them:
the moment, the request line, the headers in their order, the body as text.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

CAPTURED = Path(__file__).parent / "captured"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. *to* is "fedblog" or "fedify"."""

    to: str
    at: datetime
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str
    status: int
    answer_headers: tuple[tuple[str, str], ...]
    answer_body: str

    @classmethod
    def read(cls, to: str, item: dict[str, Any]) -> "Exchange":
        """An exchange from its JSON form."""
        request, response = item["request"], item["response"]
        return cls(
            to,
            datetime.fromisoformat(item["at"]),
            request["method"],
            request["target"],
            tuple((name, value) for name, value in request["headers"]),
            request["body"],
            response["status"],
            tuple((name, value) for name, value in response["headers"]),
            response["body"],
        )

    def written(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "to": self.to,
            "at": self.at.isoformat(),
            "request": {
                "method": self.method,
                "target": self.target,
                "headers": [list(pair) for pair in self.headers],
                "body": self.body,
            },
            "response": {
                "status": self.status,
                "headers": [list(pair) for pair in self.answer_headers],
                "body": self.answer_body,
            },
        }

    def header(self, name: str) -> str:
        """The value of the request's header *name*, "" where there is none."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Step:
    """What happened in one step, and what fedblog showed after it."""

    name: str
    exchanges: tuple[Exchange, ...]
    shows: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Recording:
    """A whole conversation. *keys* are fedblog's: (owner, fragment, kind, private, public PEM),
    made for the recording and used for nothing else."""

    made_with: dict[str, str]
    fedblog: str
    fedify: str
    keys: tuple[tuple[str, str, str, str, str], ...]
    post: dict[str, Any]
    steps: tuple[Step, ...]

    @classmethod
    def load(cls, path: Path) -> "Recording":
        """The recording in the file *path*."""
        item = json.loads(path.read_text())
        return cls(
            made_with=item["made_with"],
            fedblog=item["fedblog"],
            fedify=item["fedify"],
            keys=tuple(tuple(key) for key in item["keys"]),  # type: ignore[misc]
            post=item["post"],
            steps=tuple(
                Step(
                    step["name"],
                    tuple(Exchange.read(e["to"], e) for e in step["exchanges"]),
                    step["shows"],
                )
                for step in item["steps"]
            ),
        )

    def save(self, path: Path) -> None:
        """Write the recording to the file *path*."""
        item = {
            "made_with": self.made_with,
            "fedblog": self.fedblog,
            "fedify": self.fedify,
            "keys": [list(key) for key in self.keys],
            "post": self.post,
            "steps": [
                {
                    "name": step.name,
                    "shows": step.shows,
                    "exchanges": [exchange.written() for exchange in step.exchanges],
                }
                for step in self.steps
            ],
        }
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(item, ensure_ascii=False, indent=1) + "\n")

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges, in order."""
        return tuple(exchange for step in self.steps for exchange in step.exchanges)

    def private_key(self, key_id: str) -> str:
        """The private PEM of fedblog's key *key_id*."""
        uri, _, fragment = key_id.partition("#")
        owner = uri.rpartition("/")[2]
        return next(key[3] for key in self.keys if key[:2] == (owner, fragment))
