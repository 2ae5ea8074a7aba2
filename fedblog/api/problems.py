"""Errors of the API as problem details (RFC 9457), and which error of the layers below is which."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from fedblog.activitystreams.errors import ReadingError, TooLargeJsonError
from fedblog.domain.errors import (
    ConflictError,
    GoneError,
    InvalidFieldError,
    NotFoundError,
    PostStateError,
    TakenError,
)
from fedblog.endpoints.trouble import trouble_of
from fedblog.storage.errors import ConstraintError, StorageError

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field (dots lead into it: ``authors.0.url``)."""

    field: str
    message: str


@dataclass(slots=True)
class ProblemError(Exception):
    """A request that is answered with an error; *errors* name the fields of a 422, or of
    a 409 where the value is taken."""

    status: int
    detail: str
    errors: Sequence[FieldProblem] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """The answer: ``type``, ``title``, ``status``, ``detail`` and, for fields, ``errors``."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            body["errors"] = [
                {"field": item.field, "message": item.message} for item in self.errors
            ]
        return Response(
            orjson.dumps(body),
            self.status,
            {"Cache-Control": "no-store", **self.headers},
            media_type=MEDIA_TYPE,
        )


def invalid(name: str, message: str) -> ProblemError:
    """A 422 for one field or query parameter."""
    return ProblemError(422, f"{name}: {message}", [FieldProblem(name, message)])


def problem_of(error: Exception) -> ProblemError | None:
    """The problem that *error* is to a client, or None for a fault of our own."""
    match error:
        case ProblemError():
            return error
        case ClientDisconnect():
            return ProblemError(400, "the body did not arrive whole")
        case TooLargeJsonError():
            return ProblemError(413, str(error))
        case ReadingError():
            return ProblemError(400, str(error))
        case InvalidFieldError():
            return invalid(error.field, error.message)
        case NotFoundError():
            return ProblemError(404, str(error))
        case GoneError():
            return ProblemError(410, str(error))
        case TakenError():
            taken = FieldProblem(error.field, error.message)
            return ProblemError(409, str(error), [taken])
        case ConflictError() | PostStateError():
            return ProblemError(409, str(error))
        case ConstraintError():  # of our own making
            return None
        case StorageError():
            trouble = trouble_of(error)
            return ProblemError(
                trouble.status, trouble.detail, headers={"Retry-After": str(trouble.retry_after)}
            )
        case _:
            return None
