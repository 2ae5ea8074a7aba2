"""/api/v1/media: upload a picture with its alt text, caption and credit."""

import asyncio
from hashlib import sha256
from typing import IO, Any

import orjson
from sqlalchemy import Connection
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message

from fedblog.activitystreams.writing import stamp
from fedblog.api import bodies
from fedblog.api.endpoint import Call, Endpoint, json, ready_json
from fedblog.api.problems import FieldProblem, ProblemError, invalid
from fedblog.domain.media import Media
from fedblog.publishing import media
from fedblog.publishing.media import NotAPictureError
from fedblog.publishing.once import Once, Replay
from fedblog.publishing.pictures.errors import BusyError
from fedblog.publishing.site import Site
from fedblog.storage.failures import disk

_TEXTS = ("alt", "caption", "credit")
_FORM_OVERHEAD = 64 * 1024
_TEXT_BYTES = 64 * 1024
_MAX_FIELDS = 10
_CHUNK = 1 << 20


def routes(site: Site) -> list[BaseRoute]:
    """The route of uploads."""
    api = _Media(site)
    return [Route("/api/v1/media", Endpoint(site, {"POST": api.add}))]


class _Media:
    def __init__(self, site: Site) -> None:
        self._site = site

    async def add(self, call: Call) -> Response:
        key = bodies.idempotency_key(call.request)
        form = await self._form(call.request)
        try:
            return await self._add(call, key, *self._fields(form))
        finally:
            await form.close()

    async def _add(
        self, call: Call, key: str | None, file: UploadFile, texts: dict[str, str]
    ) -> Response:
        once = None
        if key is not None:

            def answer(_connection: Connection, item: Media) -> tuple[int, bytes]:
                return 201, orjson.dumps(media_json(self._site, item))

            with disk():
                hashed = await asyncio.to_thread(_hash, file.file)
            parts = [hashed, *(texts[name].encode() for name in _TEXTS)]
            hash_ = bodies.request_hash(call.request, *parts)
            once = Once(call.author.id, key, hash_, answer)
        try:
            made = await media.add(
                self._site, file.file, author_id=call.author.id, **texts, once=once
            )
        except BusyError as error:
            raise ProblemError(503, str(error), headers={"Retry-After": "5"}) from None
        except NotAPictureError as error:
            raise ProblemError(415, f"file: {error}", [FieldProblem("file", str(error))]) from None
        if isinstance(made, Replay):
            return ready_json(made.body, made.status)
        return json(media_json(self._site, made), 201)

    async def _form(self, request: Request) -> FormData:
        """The form, its file on disk where it is long. Raises Problem 400, 413, 415, and
        StorageError where that file cannot be written."""
        if bodies.media_type(request)[0] != "multipart/form-data":
            raise ProblemError(415, "the body must be multipart/form-data")
        bounded = _bounded(request, self._site.settings.media_max_bytes + _FORM_OVERHEAD)
        parser = MultiPartParser(
            bounded.headers,
            bounded.stream(),
            max_files=1,
            max_fields=_MAX_FIELDS,
            max_part_size=_TEXT_BYTES,
        )
        try:
            with disk():  # what is long goes into a file
                return await parser.parse()
        except MultiPartException as error:
            raise ProblemError(400, f"the form cannot be read: {error.message}") from None
        except (KeyError, UnicodeError, ValueError):
            raise ProblemError(400, "the form cannot be read") from None

    def _fields(self, form: FormData) -> tuple[UploadFile, dict[str, str]]:
        """The file and its texts. Raises Problem 413 or 422."""
        limit = self._site.settings.media_max_bytes
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise invalid("file", "is needed")
        texts = {name: form.get(name, "") for name in _TEXTS}
        for name, value in form.multi_items():
            if name not in ("file", *_TEXTS):
                raise invalid(name[:100], "is none of the fields: file, alt, caption, credit")
            if name != "file" and (not isinstance(value, str) or "\0" in value):
                raise invalid(name, "takes a text")
        if (file.size or 0) > limit:
            raise ProblemError(413, f"the file is longer than {limit} bytes")
        if not file.size:
            raise invalid("file", "is empty")
        return file, {name: str(value) for name, value in texts.items()}


def media_json(site: Site, item: Media) -> dict[str, Any]:
    """A picture as the API shows it."""
    return {
        "id": item.id,
        "url": site.addresses.media(item.file_name),
        "media_type": item.media_type,
        "width": item.width,
        "height": item.height,
        "alt": item.alt,
        "caption": item.caption,
        "credit": item.credit,
        "created_at": stamp(item.created_at),
    }


def _hash(file: IO[bytes]) -> bytes:
    """What stands for the bytes of *file*. Reads it: call it on a thread."""
    digest = sha256()
    file.seek(0)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.digest()


def _bounded(request: Request, limit: int) -> Request:
    """*request* with a body that ends in Problem 413 when it is longer than *limit*."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise ProblemError(413, f"the body is longer than {limit} bytes")
    length = 0

    async def receive() -> Message:
        nonlocal length
        message = await request.receive()
        length += len(message.get("body", b""))
        if length > limit:
            raise ProblemError(413, f"the body is longer than {limit} bytes")
        return message

    return Request(request.scope, receive)
