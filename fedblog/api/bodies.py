"""Request bodies: read within their bound, parsed strictly, held against a model."""

from email.message import Message
from hashlib import sha256
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request

from fedblog.activitystreams.json import parse
from fedblog.api.problems import FieldProblem, ProblemError
from fedblog.rules import sentence
from fedblog.settings import Settings

Model = TypeVar("Model", bound=BaseModel)
KEY_LENGTH = 255
_KINDS = ("str", "GuestModel")


def media_type(request: Request) -> tuple[str, str]:
    """The media type of the body in lower case, and its charset ("" when there is none)."""
    message = Message()
    message["content-type"] = request.headers.get("content-type", "")
    charset = message.get_param("charset", "")
    return (
        request.headers.get("content-type", "").partition(";")[0].strip().lower(),
        charset.lower() if isinstance(charset, str) else "",
    )


async def read(request: Request, limit: int) -> bytes:
    """The whole body. Raises Problem 413 as soon as it is longer than *limit*."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise ProblemError(413, f"the body is longer than {limit} bytes")
    chunks: list[bytes] = []
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > limit:
            raise ProblemError(413, f"the body is longer than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


async def read_json(request: Request, settings: Settings) -> tuple[bytes, dict[str, Any]]:
    """The body's bytes and the JSON object they are.

    Raises Problem 415 for another media type or charset, 413, and ReadingError (400, 413).
    """
    kind, charset = media_type(request)
    if kind != "application/json" or charset not in ("", "utf-8", "utf8"):
        raise ProblemError(415, "the body must be application/json in UTF-8")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(415, "the body may not be compressed")
    body = await read(request, settings.api_max_bytes)
    document = parse(
        body,
        max_depth=settings.json_max_depth,
        max_items=settings.json_max_items,
        max_nodes=len(body),  # who writes here has a token, and a long article many commas
    )
    return body, document


def validated(model: type[Model], document: dict[str, Any]) -> Model:
    """*document* as *model*. Raises Problem 422, naming every field that does not hold."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        problems = _problems([(_path(item["loc"]), item) for item in found], model)
        detail = "; ".join(f"{item.field}: {item.message}" for item in problems[:10])
        raise ProblemError(422, detail, problems[:100]) from None


def _problems(found: list[tuple[str, ErrorDetails]], model: type[BaseModel]) -> list[FieldProblem]:
    """One problem for each field. Of a value that may be a text or an object pydantic says what
    keeps it from being each: what lies within the object is nearer, else both are named."""
    said: dict[str, list[str]] = {}
    for path, item in found:
        known = ", ".join(model.model_fields)
        unknown = f"is none of the fields: {known}" if "." not in path else "is no field here"
        messages = said.setdefault(path, [])
        message = sentence(item, unknown=unknown)
        if message not in messages:
            messages.append(message)
    outer = {path.rpartition(".")[0] for path in said}
    return [
        FieldProblem(
            path, " or ".join([messages[0], *(m.removeprefix("takes ") for m in messages[1:])])
        )
        for path, messages in said.items()
        if path not in outer
    ]


def idempotency_key(request: Request) -> str | None:
    """The Idempotency-Key, or None. Raises Problem 400 for one that cannot be kept."""
    values = request.headers.getlist("idempotency-key")
    if not values:
        return None
    key = values[0].strip()
    if len(values) > 1 or not key or len(key) > KEY_LENGTH or not key.isprintable():
        raise ProblemError(400, f"Idempotency-Key takes one value of 1 to {KEY_LENGTH} characters")
    return key


def request_hash(request: Request, *parts: bytes) -> str:
    """What tells a request from another one sent under the same key."""
    digest = sha256(f"{request.method} {request.url.path}".encode())
    for part in parts:
        digest.update(b"\0%d\0" % len(part))
        digest.update(part)
    return digest.hexdigest()


def _path(location: tuple[int | str, ...]) -> str:
    """The way to a field. After an index pydantic names the kind of a union that it tried, which
    says nothing to a client."""
    parts = [
        str(part)[:100]
        for index, part in enumerate(location)
        if not (index == 2 and isinstance(location[1], int) and part in _KINDS)
    ]
    return ".".join(parts)
