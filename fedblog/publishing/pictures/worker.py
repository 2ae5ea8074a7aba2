"""The process that decodes: ``python -m fedblog.publishing.pictures.worker``.

It is asked with a Task and a picture and answers with a picture. Its memory is bounded by the
system while it decodes, and goes back to it with its end.
"""

from dataclasses import asdict
from typing import Any

from fedblog.aside.serving import bound_memory, serve
from fedblog.publishing.pictures import decoding
from fedblog.publishing.pictures.errors import PictureError, TooLargeError
from fedblog.publishing.pictures.tasks import Task


def _develop(head: dict[str, Any], source: bytes) -> tuple[dict[str, Any], bytes]:
    task = Task(**head)
    bound_memory(task.most_bytes + len(source))
    error: PictureError
    try:
        told = asdict(decoding.develop(source, task))
        return told, told.pop("content")
    except PictureError as refused:
        error = refused
    except MemoryError:
        error = TooLargeError(f"decoding it takes more than {task.most_bytes} bytes of memory")
    return {"error": type(error).__name__, "detail": str(error)}, b""


if __name__ == "__main__":
    serve(_develop)
