"""What goes over the pipes, both ways: a head of JSON and content, each after its length."""

import json
import struct
from typing import Any

LENGTHS = struct.Struct("!IQ")
LONGEST_HEAD = 1 << 16


def begin(head: dict[str, Any], size: int) -> bytes:
    """What stands before content of *size* bytes."""
    told = json.dumps(head).encode()
    return LENGTHS.pack(len(told), size) + told
