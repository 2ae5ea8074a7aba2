"""The archive of a backup: an ordinary tar, gzipped or not, written and read from front to end.

First comes ``fedblog.backup.json``, which says what it is (`Manifest`), last
``fedblog.backup.sums``, the SHA-256 of every file in the form of sha256sum(1): an archive that ends
before it is not whole. Files of the data folder have the names that they have there.
"""

import gzip
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import IO, Any

from fedblog.storage.errors import BackupError

FORMAT = 1
MANIFEST = "fedblog.backup.json"
SUMS = "fedblog.backup.sums"
DATABASE = "fedblog.database"
"""The folder in the archive of a database that is not in the data folder."""
BLOCK = 1 << 20
_LEVEL = 4
_MANIFEST_BYTES = 1 << 20
_SUMS_BYTES = 1 << 28
_EXTENSION_BYTES = 1 << 20
_SAID = ("revision", "engine", "database", "id", "base_url", "handle", "made_at")
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)


@dataclass(frozen=True, slots=True)
class TableOf:
    """A table of the database: how many *rows* it has; on PostgreSQL the *columns* in the order of
    the rows, and the *sequences* that number some of them: column, last value, whether used."""

    name: str
    rows: int
    columns: tuple[str, ...] = ()
    sequences: tuple[tuple[str, int, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of: *version* of fedblog, *revision* of the tables, *engine*, and *database*
    is the name of the file (the folder of rows) in the archive."""

    version: str
    revision: str
    engine: str
    database: str
    id: str
    base_url: str
    handle: str
    made_at: str
    tables: tuple[TableOf, ...]
    format: int = field(default=FORMAT)


@dataclass(frozen=True, slots=True)
class Member:
    """A file or folder in an archive; *content* is to be read before the next is asked for."""

    name: str
    is_folder: bool
    mode: int
    changed_at: float
    size: int
    content: IO[bytes]


class Packing:
    """Writes an archive to *out*; a context manager, which ends it where no error came."""

    def __init__(self, out: IO[bytes], manifest: Manifest, *, is_compressed: bool) -> None:
        self._outlet = _Outlet(out)
        outlet: Any = self._outlet
        self._gzip = (
            gzip.GzipFile(fileobj=outlet, mode="wb", compresslevel=_LEVEL)
            if is_compressed
            else None
        )
        self._tar = tarfile.open(  # noqa: SIM115
            fileobj=self._gzip or outlet, mode="w|", bufsize=BLOCK, format=tarfile.PAX_FORMAT
        )
        self._sums: list[str] = []
        self.add_bytes(MANIFEST, json.dumps(asdict(manifest), indent=1).encode())

    def add_folder(self, name: str, mode: int, changed_at: float) -> None:
        """Add the folder *name*."""
        info = _info(name, mode, changed_at)
        info.type = tarfile.DIRTYPE
        self._tar.addfile(info)

    def add_bytes(self, name: str, content: bytes, mode: int = 0o600) -> None:
        """Add a file with *content*."""
        self.add_file(name, io.BytesIO(content), len(content), mode, 0.0)

    def add_file(
        self, name: str, content: IO[bytes], size: int, mode: int, changed_at: float
    ) -> bool:
        """Add *size* bytes of *content*; False where it had fewer and the rest is zeros."""
        info = _info(name, mode, changed_at)
        info.size = size
        reader = _Summing(content, size)
        self._tar.addfile(info, reader)
        self._tar.members.clear()  # type: ignore[attr-defined]  # or each is kept
        self._sums.append(_sum_line(name, reader.sum.hexdigest()))
        return not reader.is_short

    def close(self) -> None:
        """Write the sums, and end the archive."""
        content = "".join(self._sums).encode("utf-8", "surrogateescape")
        info = _info(SUMS, 0o600, 0.0)
        info.size = len(content)
        self._tar.addfile(info, io.BytesIO(content))
        self._tar.close()
        if self._gzip is not None:
            self._gzip.close()

    def __enter__(self) -> "Packing":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        self._outlet.is_open = False
        self._tar.fileobj.closed = True  # type: ignore[attr-defined]  # or it writes when it goes


class Unpacking:
    """Reads an archive from *file*, once, from front to end."""

    def __init__(self, file: io.BufferedReader) -> None:
        is_compressed = file.peek(2)[:2] == b"\x1f\x8b"
        self._stream: IO[bytes] = gzip.GzipFile(fileobj=file) if is_compressed else file  # type: ignore[assignment]
        with _reading("this is no backup that fedblog made, or damaged at its beginning"):
            self._tar = tarfile.open(  # noqa: SIM115
                fileobj=self._stream,
                mode="r|",
                bufsize=BLOCK,
                tarinfo=_Bounded,
            )
        self._members = self._read()
        self.manifest = self._manifest()

    def __iter__(self) -> Iterator[Member]:
        """The members after the manifest. Raises BackupError for a name that leads elsewhere, for
        links, devices and the like, for two of one name, and at the end where something is not as
        it was when it was packed."""
        return self._members

    def _manifest(self) -> Manifest:
        first = next(self._members, None)
        if first is None or first.name != MANIFEST or first.size > _MANIFEST_BYTES:
            raise BackupError("this is no backup that fedblog made")
        try:
            written = json.loads(first.content.read())
        except ValueError:
            raise BackupError("the backup is damaged: what it says about itself") from None
        return _understood(written)

    def _read(self) -> Iterator[Member]:
        sums: dict[str, str] = {}
        names: set[str] = set()
        while (info := self._next()) is not None:
            name = info.name
            if name == SUMS:
                self._compare(sums, info)
                return
            _check_name(name)
            if name in names:
                raise BackupError(f"the backup is damaged: it has {name!r} twice")
            names.add(name)
            found = self._file(info)
            size = info.size if found is not None else 0
            reader = _Checked(found or io.BytesIO(), size)
            yield Member(
                name,
                found is None,
                info.mode & 0o777,
                float(info.mtime),
                size,
                reader,  # type: ignore[arg-type]
            )
            while reader.read(BLOCK):
                pass
            if found is not None:
                sums[name] = reader.sum.hexdigest()
        raise BackupError("the backup is not whole: its end is missing")

    def _next(self) -> tarfile.TarInfo | None:
        with _reading():
            info = self._tar.next()
        self._tar.members.clear()  # type: ignore[attr-defined]  # or each is kept
        return info

    def _file(self, info: tarfile.TarInfo) -> IO[bytes] | None:
        """The content of a file, None of a folder. Raises BackupError for anything else."""
        if info.isdir():
            return None
        if info.type in _PLAIN and info.sparse is None:
            with _reading():
                return self._tar.extractfile(info)
        raise BackupError(
            f"the backup holds {info.name!r}, which is neither a file nor a folder: it is not as "
            "fedblog made it, and nothing of it is taken"
        )

    def _compare(self, sums: dict[str, str], info: tarfile.TarInfo) -> None:
        file = self._file(info)
        if file is None or info.size > _SUMS_BYTES:
            raise BackupError("the backup is damaged: its sums")
        with _reading():
            written = file.read().decode("utf-8", "surrogateescape")
            while self._stream.read(BLOCK):  # to the end, where gzip has a sum of its own
                pass
        lines = set(written.split("\n")) - {""}
        expected = {_sum_line(name, digest).rstrip("\n"): name for name, digest in sums.items()}
        if lines == set(expected):
            return
        damaged = sorted(repr(name) for line, name in expected.items() if line not in lines)
        raise BackupError(
            "the backup is damaged: "
            + (f"{damaged[0]} is not as it was packed" if damaged else "files are missing")
            + (f", nor are {len(damaged) - 1} others" if len(damaged) > 1 else "")
        )


class _Outlet:
    """Where an archive is written to. Once it is shut, what tar and gzip still hold of one that was
    given up goes nowhere."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self.is_open = True

    def write(self, data: bytes) -> int:
        return self._out.write(data) if self.is_open else len(data)

    def flush(self) -> None:
        if self.is_open:
            self._out.flush()


class _Summing:
    """Reads *size* bytes of *file*, zeros where it ends before, and adds them up."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size
        self.sum = hashlib.sha256()
        self.is_short = False

    def read(self, size: int = -1) -> bytes:
        size = self._left if size < 0 else min(size, self._left)
        data = self._file.read(size) if size and not self.is_short else b""
        while len(data) < size:
            more = b"" if self.is_short else self._file.read(size - len(data))
            self.is_short |= not more
            data += more or bytes(size - len(data))
        self._left -= len(data)
        self.sum.update(data)
        return data


class _Checked(_Summing):
    """The same of a file in an archive, which has as many bytes as it says."""

    def read(self, size: int = -1) -> bytes:
        with _reading():
            data = super().read(size)
        if self.is_short:
            raise BackupError("the backup is not whole")
        return data


class _Bounded(tarfile.TarInfo):
    """A member whose name and the like, where they stand before it, have a bound."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        if self.type in _EXTENSIONS and self.size > _EXTENSION_BYTES:
            raise tarfile.ReadError("a name without end")
        return super()._proc_member(archive)  # type: ignore[misc]


_EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


@contextmanager
def _reading(otherwise: str = "the backup is damaged or not whole") -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BackupError(f"{otherwise} ({error})") from error


def _info(name: str, mode: int, changed_at: float) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode = mode & 0o777
    info.mtime = int(changed_at) if changed_at.is_integer() else changed_at  # as old tars have it
    return info


def _sum_line(name: str, digest: str) -> str:
    """As sha256sum(1) writes it."""
    if "\\" in name or "\n" in name:
        return f"\\{digest}  " + name.replace("\\", "\\\\").replace("\n", "\\n") + "\n"
    return f"{digest}  {name}\n"


def _check_name(name: str) -> None:
    """Raises BackupError for a name that leads out of the folder it is unpacked in."""
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\0" in name:
        raise BackupError(
            f"the backup holds {name!r}, which leads out of the data folder: it is not as fedblog "
            "made it, and nothing of it is taken"
        )


def _understood(written: Any) -> Manifest:
    """The manifest in *written*. Raises BackupError."""
    try:
        found, version = int(written["format"]), str(written["version"])
        if found != FORMAT:
            raise BackupError(
                f"the backup was made by fedblog {version} in a form that this version does not "
                f"know; install fedblog {version} or a later one"
            )
        tables = tuple(
            TableOf(
                str(table["name"]),
                int(table["rows"]),
                tuple(map(str, table["columns"])),
                tuple((str(it[0]), int(it[1]), bool(it[2])) for it in table["sequences"]),
            )
            for table in written["tables"]
        )
        revision, engine, database, id_, base_url, handle, made_at = (
            str(written[name]) for name in _SAID
        )
        return Manifest(version, revision, engine, database, id_, base_url, handle, made_at, tables)
    except (KeyError, IndexError, TypeError, ValueError):
        raise BackupError("the backup is damaged: what it says about itself") from None
