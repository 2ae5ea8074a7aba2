"""What a worker can be asked to make of a picture, and what it gives."""

from dataclasses import dataclass
from typing import Literal

Shape = Literal["upload", "square", "within"]


@dataclass(frozen=True, slots=True)
class Task:
    """A picture made anew as *shape*, its sides at most *width* and *height*.

    ``upload`` keeps the kind of picture, in sRGB; ``square`` and ``within`` give WebP, the first
    cut to a square. More than *most_pixels*, or more than *most_bytes* of memory while it is
    decoded, is refused before decoding.
    """

    shape: Shape
    width: int
    height: int
    most_pixels: int
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture written again: *extension* of its file, without a dot."""

    content: bytes
    media_type: str
    extension: str
    width: int
    height: int
