"""An archive comes back as it was packed, or is refused: damaged, cut short or made by others."""

import gzip
import io
import json
import subprocess
import tarfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from fedblog.storage.backups import archive
from fedblog.storage.backups.archive import Manifest, Packing, TableOf, Unpacking
from fedblog.storage.errors import BackupError

MANIFEST = Manifest(
    version="0.1.0",
    revision="0011",
    engine="postgresql",
    database="fedblog.database",
    id="1",
    base_url="https://blog.example",
    handle="blog",
    made_at="2026-12-01T00:00:00+00:00",
    tables=(TableOf("posts", 3, ("id", "title"), (("seq", 7, True),)), TableOf("blogs", 0)),
)
ODD_NAMES = [
    "media/a.jpg",
    "media/" + "n" * 240 + ".png",
    "/".join(["deep"] * 60),
    "with blank",
    "new\nline",
    "back\\slash",
    "line separator\u2028",
    "日本語",
    "lone \udcff byte",
    "-rf",
]


def packed(*, is_compressed: bool, names: list[str] = ODD_NAMES) -> bytes:
    out = io.BytesIO()
    with Packing(out, MANIFEST, is_compressed=is_compressed) as packing:
        packing.add_folder("media", 0o755, 12.5)
        for name in names:
            packing.add_file(name, io.BytesIO(name.encode("utf-8", "replace")), 7, 0o644, 1.5)
        packing.add_bytes("empty", b"")
    return out.getvalue()


def unpacked(content: bytes) -> dict[str, bytes | None]:
    archive = Unpacking(io.BufferedReader(io.BytesIO(content)))  # type: ignore[arg-type]
    assert archive.manifest == MANIFEST
    return {member.name: None if member.is_folder else member.content.read() for member in archive}


@pytest.mark.parametrize("is_compressed", [True, False])
def test_what_was_packed_comes_back(is_compressed: bool) -> None:
    found = unpacked(packed(is_compressed=is_compressed))
    expected = {name: name.encode("utf-8", "replace")[:7].ljust(7, b"\0") for name in ODD_NAMES}
    assert found == {"media": None, **expected, "empty": b""}


def test_modes_and_times_come_back_and_owners_and_setuid_do_not() -> None:
    out = io.BytesIO()
    with Packing(out, MANIFEST, is_compressed=False) as packing:
        packing.add_file("a", io.BytesIO(b"a"), 1, 0o4750, 1234567.25)
    out.seek(0)
    (member,) = Unpacking(io.BufferedReader(out))  # type: ignore[arg-type]
    assert (member.mode, member.changed_at, member.size) == (0o750, 1234567.25, 1)
    out.seek(0)
    with tarfile.open(fileobj=out) as plain:
        assert {(info.uid, info.uname) for info in plain} == {(0, "")}


def test_file_that_becomes_shorter_while_it_is_read_is_said() -> None:
    with Packing(io.BytesIO(), MANIFEST, is_compressed=False) as packing:
        assert not packing.add_file("a", io.BytesIO(b"ab"), 5, 0o644, 0.0)
        assert packing.add_file("b", io.BytesIO(b"abcdefg"), 5, 0o644, 0.0)  # or longer


def test_sums_are_those_that_sha256sum_checks(tmp_path: Path) -> None:
    file = tmp_path / "a.tar"
    file.write_bytes(packed(is_compressed=False))
    folder = tmp_path / "there"
    folder.mkdir()
    with tarfile.open(file) as plain:
        plain.extractall(folder)
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", archive.SUMS], cwd=folder, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(ODD_NAMES) + 2


@pytest.mark.parametrize("is_compressed", [True, False])
def test_archive_that_is_cut_anywhere_is_refused(is_compressed: bool) -> None:
    whole = packed(is_compressed=is_compressed, names=["a", "b"])
    # A tar ends in zeros, which nothing needs.
    needed = len(whole) if is_compressed else len(whole.rstrip(b"\0"))
    for end in {*range(0, needed, 97), needed - 1}:
        with pytest.raises(BackupError):
            unpacked(whole[:end])


@pytest.mark.parametrize("is_compressed", [True, False])
def test_archive_with_a_byte_changed_is_refused_or_the_same(is_compressed: bool) -> None:
    whole = packed(is_compressed=is_compressed, names=["a", "b"])
    expected = unpacked(whole)
    refused = 0
    for place in range(0, len(whole), 1 if is_compressed else 7):
        changed = bytearray(whole)
        changed[place] ^= 0x41
        try:
            found = unpacked(bytes(changed))
        except (BackupError, AssertionError):  # the manifest's words have a sum as well
            refused += 1
            continue
        assert found == expected, place
    assert refused > 100


def test_what_is_damaged_is_named() -> None:
    whole = packed(is_compressed=False, names=["first", "second"])
    place = whole.rindex(b"second\0")
    with pytest.raises(BackupError, match=r"'second' is not as it was packed"):
        unpacked(whole[:place] + b"sECond" + whole[place + 6 :])


def hostile(*members: tuple[tarfile.TarInfo, bytes], manifest: Any = None) -> bytes:
    """An archive of others with a manifest of ours."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as plain:
        content = json.dumps(asdict(MANIFEST) if manifest is None else manifest).encode()
        first = tarfile.TarInfo(archive.MANIFEST)
        first.size = len(content)
        plain.addfile(first, io.BytesIO(content))
        for info, data in members:
            info.size = len(data)
            plain.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["../out", "a/../../out", "/etc/out", "..", "media/..", "a/../b", "", "."]
)
def test_name_that_leads_out_of_the_folder_is_refused(name: str) -> None:
    with pytest.raises(BackupError, match=r"leads out of|damaged|nothing of it is taken"):
        unpacked(hostile((tarfile.TarInfo(name), b"out")))


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.CONTTYPE,
        tarfile.GNUTYPE_SPARSE,
        b"Z",
    ],
)
def test_what_is_neither_file_nor_folder_is_refused(kind: bytes) -> None:
    info = tarfile.TarInfo("media")
    info.type = kind
    info.linkname = "/etc"
    with pytest.raises(BackupError):
        unpacked(hostile((info, b"")))


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(BackupError, match="twice"):
        unpacked(hostile((tarfile.TarInfo("a"), b"1"), (tarfile.TarInfo("a"), b"2")))


def test_name_without_end_is_refused_before_it_is_read() -> None:
    """A header may say that a name of gigabytes follows, of which gzip makes a few kilobytes."""
    info = tarfile.TarInfo("././@LongLink")
    info.type = tarfile.GNUTYPE_LONGNAME
    info.size = 1 << 40
    out = io.BytesIO(hostile())
    with tarfile.open(fileobj=out) as plain:
        place = plain.getmembers()[-1].offset_data + 1024 * 4
    content = out.getvalue()[: place // 512 * 512].rstrip(b"\0")
    content += b"\0" * (-len(content) % 512) + info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 4096
    with pytest.raises(BackupError, match="without end"):
        unpacked(content)


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", b"\0" * 4096, gzip.compress(b"text", mtime=0), b"\x1f\x8b", b"BZh9" * 99],
)
def test_what_is_no_archive_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(BackupError, match=r"no backup|damaged|not whole"):
        unpacked(content)


def test_archive_of_another_program_is_said_to_be_none() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as plain:
        plain.addfile(tarfile.TarInfo("wp-config.php"), io.BytesIO(b""))
    with pytest.raises(BackupError, match="no backup that fedblog made"):
        unpacked(out.getvalue())


def test_archive_in_a_later_form_says_which_version_it_needs() -> None:
    later = asdict(replace(MANIFEST, version="9.1", format=2)) | {"new": 1}
    del later["tables"]
    with pytest.raises(BackupError, match=r"install fedblog 9\.1 or a later one"):
        unpacked(hostile(manifest=later))


@pytest.mark.parametrize(
    "spoilt", [[], {}, 3, {"format": 1}, {"format": "x", "version": "1"}, {"format": None}]
)
def test_manifest_that_makes_no_sense_is_damage(spoilt: Any) -> None:
    with pytest.raises(BackupError, match="damaged"):
        unpacked(hostile(manifest=spoilt))


def test_memory_does_not_grow_with_the_number_of_files() -> None:
    out = io.BytesIO()
    with Packing(out, MANIFEST, is_compressed=True) as packing:
        for number in range(3000):
            packing.add_bytes(f"media/{number}", b"")
        assert len(packing._tar.members) < 2  # type: ignore[attr-defined]
    out.seek(0)
    found = Unpacking(io.BufferedReader(out))  # type: ignore[arg-type]
    assert sum(1 for _ in found) == 3000
    assert len(found._tar.members) < 2  # type: ignore[attr-defined]
