"""A name server of the tests' own: a few names, some of which nobody ever answers for."""

import asyncio
import socket
import struct
from collections import Counter
from ipaddress import ip_address
from types import TracebackType

_A, _AAAA, _NO_SUCH_NAME = 1, 28, 3


class Names(asyncio.DatagramProtocol):
    """Answers UDP questions (RFC 1035). *names* holds the addresses of each name, "*" of every
    other: a list of lists is given one list after the other, None never answers."""

    def __init__(self, names: dict[str, list[str] | list[list[str]] | None]) -> None:
        self.names = names
        self.asked: Counter[str] = Counter()
        self.address = ""
        self._transport: asyncio.DatagramTransport | None = None

    async def __aenter__(self) -> "Names":
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{sock.getsockname()[1]}"
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._transport is not None
        self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        labels, place = [], 12
        while data[place]:
            labels.append(data[place + 1 : place + 1 + data[place]].decode("ascii").lower())
            place += 1 + data[place]
        question = data[12 : place + 5]
        kind = struct.unpack("!H", data[place + 1 : place + 3])[0]
        name = ".".join(labels)
        if kind == _A:
            self.asked[name] += 1
        known = name if name in self.names else "*"
        if known in self.names and self.names[known] is None:
            return
        found = self._addresses(name, known)
        answers = b""
        count = 0
        for address in map(ip_address, found):
            if (kind, address.version) in ((_A, 4), (_AAAA, 6)):
                packed = address.packed
                answers += struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed
                count += 1
        code = 0x8180 if found else 0x8180 | _NO_SUCH_NAME
        head = data[:2] + struct.pack("!HHHHH", code, 1, count, 0, 0)
        assert self._transport is not None
        self._transport.sendto(head + question + answers, addr)

    def _addresses(self, name: str, known: str) -> list[str]:
        given = self.names.get(known) or []
        if given and isinstance(given[0], list):
            turn = min(max(1, self.asked[name]), len(given)) - 1
            return given[turn]  # type: ignore[return-value]
        return given  # type: ignore[return-value]
