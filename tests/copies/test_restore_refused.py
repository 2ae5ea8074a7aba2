"""What `fedblog restore` refuses, or has no room for, changes nothing."""

import os
import resource
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from copies.conftest import ARCHIVE, Place, is_old
from support.commands import environment


def limited(bytes_: int) -> Callable[[], None]:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))

    return limit


@pytest.mark.parametrize("size", [0, 10_000, 300_000])
def test_disk_that_is_full_half_way_changes_nothing(place: Place, size: int) -> None:
    (place.data / "media" / "large.jpg").write_bytes(os.urandom(400_000))
    place.do("backup", ARCHIVE)
    place.do("author", "add", "Later")
    before = place.files()
    done = subprocess.run(
        [sys.executable, "-m", "fedblog", "restore", ARCHIVE],
        cwd=place.folder,
        env=environment(place.settings) | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        preexec_fn=limited(size),
    )
    assert done.returncode == 1, done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("fedblog: "), done.stderr
    assert "Traceback" not in done.stderr
    assert place.files() == before
    assert place.authors() == {"owner", "later"}
    place.do("restore", ARCHIVE)
    assert place.authors() == {"owner"}


def test_archive_that_is_damaged_or_cut_short_changes_nothing(backed_up: Place) -> None:
    place = backed_up
    whole = (place.folder / ARCHIVE).read_bytes()
    before = place.files()
    middle = len(whole) // 2
    for spoilt in (
        b"",
        whole[:10],
        whole[:middle],
        whole[:-1],
        whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        b"a letter",
    ):
        (place.folder / "spoilt.tar.gz").write_bytes(spoilt)
        said = place.refused("restore", "spoilt.tar.gz")
        assert "backup" in said
    assert place.files() == before
    assert not is_old(place)
    for missing in ("missing.tar", "."):
        place.refused("restore", missing)


def repacked(archive: Path, change: Callable[[tarfile.TarInfo], None]) -> Path:
    """The archive with another header for each file, as others might have made it."""
    target = archive.with_name("hostile.tar")
    with tarfile.open(archive) as source, tarfile.open(target, "w") as into:
        for info in source:
            content = source.extractfile(info)
            change(info)
            into.addfile(info, content)
    return target


@pytest.mark.parametrize("name", ["../out", "/tmp/fedblog-out", "media/../../out"])
def test_archive_with_names_that_lead_elsewhere_changes_nothing(
    backed_up: Place, name: str
) -> None:
    def change(info: tarfile.TarInfo) -> None:
        if info.name == "media/01A.jpg":
            info.name = name

    repacked(backed_up.folder / ARCHIVE, change)
    assert "leads out" in backed_up.refused("restore", "hostile.tar")
    assert not is_old(backed_up)
    assert not (backed_up.folder / "out").exists()
    assert not Path("/tmp/fedblog-out").exists()


def test_archive_with_links_changes_nothing(backed_up: Place) -> None:
    def change(info: tarfile.TarInfo) -> None:
        if info.name == "media":
            info.type, info.linkname = tarfile.SYMTYPE, "/etc"

    repacked(backed_up.folder / ARCHIVE, change)
    assert "neither a file nor a folder" in backed_up.refused("restore", "hostile.tar")
    assert not is_old(backed_up)


def test_restore_and_backup_keep_out_of_each_others_way(backed_up: Place) -> None:
    from fedblog.storage.backups import copy_lock

    with copy_lock.shared(backed_up.data):
        assert "being backed up" in backed_up.refused("restore", ARCHIVE)
        backed_up.do("backup", "second.tar")
    with copy_lock.alone(backed_up.data):
        assert "being restored" in backed_up.refused("backup", "third.tar")
    assert not is_old(backed_up)


def test_backup_of_the_other_engine_is_refused(
    backed_up: Place, engine: str, new_place: Callable[..., Place]
) -> None:
    other = new_place("postgresql" if engine == "sqlite" else "sqlite")
    said = other.refused("restore", str(backed_up.folder / ARCHIVE))
    assert "cannot be carried from one to the other" in said
    if engine == "sqlite":
        said = other.refused("restore", str(backed_up.file))
        assert "cannot be carried from one to the other" in said


def test_backup_of_another_blog_is_refused_until_the_folder_forgets_whose_it_is(
    backed_up: Place, engine: str, new_place: Callable[..., Place]
) -> None:
    other = new_place(engine).found()
    before = other.files(), other.authors()
    archive = str(backed_up.folder / ARCHIVE)
    said = other.refused("restore", archive)
    assert "belongs to another blog" in said
    assert "fedblog.blog.json" in said
    assert (other.files(), other.authors()) == before
    (other.data / "fedblog.blog.json").unlink()
    other.do("restore", archive)
    assert is_old(other)
