"""`fedblog backup`: everything in one archive, while the blog is served, or nothing at all."""

import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from copies.conftest import Place, api, fill, picture
from support.commands import environment, free_port
from support.waiting import PATIENCE

MADE = {"fedblog.backup.json", "fedblog.backup.sums"}


def names(archive: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(archive) as opened:
        return {info.name: info for info in opened}


def is_rows(name: str) -> bool:
    return name.startswith("fedblog.database/")


def test_archive_holds_all_that_the_data_folder_holds_but_locks(place: Place) -> None:
    printed = place.do("backup", "blog.tar.gz")
    assert printed == "blog.tar.gz\n"
    found = names(place.folder / "blog.tar.gz")
    assert {name for name in found if not is_rows(name)} - MADE == set(place.paths()) | (
        {"fedblog.sqlite3.number"} if place.is_sqlite else set()
    )
    with tarfile.open(place.folder / "blog.tar.gz") as opened:
        for name, content in place.files().items():
            info = found[name]
            assert info.mode == stat.S_IMODE((place.data / name).stat().st_mode), name
            if content is None:
                assert info.isdir()
                continue
            held = opened.extractfile(info)
            assert held is not None
            assert held.read() == content
            assert info.mtime == pytest.approx((place.data / name).stat().st_mtime, abs=1e-5)
    assert place.is_sqlite == (not any(map(is_rows, found)))


def test_archive_that_is_unpacked_by_hand_is_a_data_folder(new_place: Callable[..., Place]) -> None:
    place, other = new_place().found(), new_place()
    place.do("backup", "blog.tar")
    with tarfile.open(place.folder / "blog.tar") as opened:
        opened.extractall(other.data)
    other.do("author", "add", "Zoe")
    assert other.authors() == {"owner", "zoe"}


def test_archive_is_for_its_owner_alone_and_gzipped_by_its_name(place: Place) -> None:
    for name, magic in (("a.tar", b"fedb"), ("a.tgz", b"\x1f\x8b"), ("a.tar.gz", b"\x1f\x8b")):
        place.do("backup", name)
        file = place.folder / name
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_bytes().startswith(magic)
    assert sorted(path.name for path in place.folder.iterdir()) == [
        "a.tar",
        "a.tar.gz",
        "a.tgz",
        "data",
    ]


def test_without_a_name_it_gets_one_that_says_which_blog_and_when(place: Place) -> None:
    (printed,) = place.do("backup").splitlines()
    assert printed.startswith("fedblog-127.0.0.1-2")
    assert printed.endswith("Z.tar.gz")
    (place.folder / "there").mkdir()
    (inside,) = place.do("backup", "there").splitlines()
    assert (place.folder / inside).parent == place.folder / "there"
    assert (place.folder / inside).exists()


def test_dash_is_standard_output(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "out"
    with file.open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "fedblog", "backup", "-"],
            cwd=place.folder,
            env=environment(place.settings) | {"TMPDIR": str(tmp_path)},
            stdout=out,
            stderr=subprocess.PIPE,
        )
    assert done.returncode == 0, done.stderr
    assert set(names(file)) > MADE
    assert list(tmp_path.glob("fedblog-backup-*")) == []


def test_nothing_is_overwritten_and_no_place_in_the_data_folder_is_taken(place: Place) -> None:
    (place.folder / "here.tar").write_bytes(b"mine")
    (place.folder / "link.tar").symlink_to("nowhere")
    (place.folder / "to the data").symlink_to("data")
    before = place.files()
    for name, why in {
        "here.tar": "there already",
        "link.tar": "there already",
        "/dev/null": "there already",
        "data/a.tar": "in the data folder",
        "data": "in the data folder",
        "data/media/a.tar": "in the data folder",
        "to the data/a.tar": "in the data folder",
        "missing/a.tar": "no folder",
    }.items():
        assert why in place.refused("backup", name), name
    assert (place.folder / "here.tar").read_bytes() == b"mine"
    assert place.files() == before


def test_without_a_blog_nothing_is_made(engine: str, new_place: Callable[..., Place]) -> None:
    place = new_place(engine)
    for arguments in (["a.tar"], ["-"], []):
        assert "no blog" in place.refused("backup", *arguments)
    assert list(place.folder.iterdir()) == []


def limited(bytes_: int) -> Callable[[], None]:
    """Lets a process write no file that is larger: as on a full disk, writing fails half way."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))

    return limit


@pytest.mark.parametrize("size", [0, 20_000, 700_000])
def test_disk_that_is_full_half_way_leaves_nothing_behind(place: Place, size: int) -> None:
    (place.data / "media" / "large.jpg").write_bytes(os.urandom(1_000_000))
    before = place.files()
    done = subprocess.run(
        [sys.executable, "-m", "fedblog", "backup", "a.tar.gz"],
        cwd=place.folder,
        env=environment(place.settings) | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        preexec_fn=limited(size),
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("fedblog: "), done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in place.folder.iterdir()] == ["data"]
    assert place.files() == before
    place.do("backup", "a.tar.gz")


def test_standard_output_that_takes_nothing_is_said(place: Place) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fedblog", "backup", "-"],
            cwd=place.folder,
            env=environment(place.settings),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert "standard output cannot be written" in done.stderr


HALTING = """
import os, signal, tarfile
add = tarfile.TarFile.addfile
def halting(archive, info, content=None):
    if info.name.endswith("large.jpg"):
        os.kill(os.getpid(), signal.SIGSTOP)
    return add(archive, info, content)
tarfile.TarFile.addfile = halting
from fedblog.cli import main
main()
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_backup_that_is_ended_half_way_leaves_no_archive_and_keeps_nobody_from_the_next(
    place: Place, how: signal.Signals
) -> None:
    (place.data / "media" / "large.jpg").write_bytes(os.urandom(20_000_000))
    process = subprocess.Popen(
        [sys.executable, "-c", HALTING, "backup", "a.tar.gz"],
        cwd=place.folder,
        env=environment(place.settings),
        # Whoever starts the tests in the background has SIGINT ignored, and it is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    assert process.poll() is None
    assert (place.folder / "a.tar.gz.partial").exists()
    assert "being written" in place.refused("backup", "a.tar.gz")
    process.send_signal(how)
    process.send_signal(signal.SIGCONT)
    process.wait(PATIENCE)
    assert not (place.folder / "a.tar.gz").exists()
    if how is not signal.SIGKILL:
        assert [path.name for path in place.folder.iterdir()] == ["data"]
    place.do("backup", "a.tar.gz")
    assert sorted(path.name for path in place.folder.iterdir()) == ["a.tar.gz", "data"]


def test_served_blog_is_backed_up_while_it_is_written(
    engine: str, new_place: Callable[..., Place]
) -> None:
    place = new_place(engine, base_url=f"http://127.0.0.1:{free_port()}").found()
    other = new_place(engine, base_url=place.base_url)
    with place.served() as served, api(served) as http:
        item = http.post("/media", files={"file": ("a.png", picture())}, data={"alt": "Teal"})
        assert item.status_code == 201, item.text
        post = {"title": "Kept", "content": "Words.", "status": "published"}
        post["featured_media"] = item.json()["id"]
        made = http.post("/posts", json=post)
        assert made.status_code == 201
        writing = subprocess.Popen(
            [sys.executable, "-c", WRITE, str(http.base_url), http.headers["Authorization"]]
        )
        try:
            archive = served.run("backup", "during.tar.gz").strip()
        finally:
            writing.kill()
            writing.wait()
        actor, image = served.document("/ap/blog"), item.json()["url"]
        content = served.get(image.removeprefix(served.base_url)).content
    other.do("restore", str(place.folder / archive))
    with other.served() as served:
        assert served.document("/ap/blog") == actor
        assert served.get(image.removeprefix(served.base_url)).content == content
        with api(served) as http:
            assert http.get(f"/posts/{made.json()['id']}").json()["title"] == "Kept"


WRITE = """
import sys, httpx
http = httpx.Client(base_url=sys.argv[1], headers={"Authorization": sys.argv[2]}, timeout=60)
for number in range(10_000):
    post = {"title": f"Post {number}", "content": "Words.", "status": "published"}
    http.post("posts", json=post)
"""


def test_links_are_what_they_lead_to_and_what_is_no_file_is_named(
    place: Place, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    fill(outside)
    (place.data / "to a folder").symlink_to(outside)
    (place.data / "to a file").symlink_to(outside / "media/01A.jpg")
    (place.data / "to nowhere").symlink_to("nowhere")
    (place.data / "media" / "to itself").symlink_to("..")
    os.mkfifo(place.data / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(place.data)  # its address has a short bound
        try:
            listening.bind("socket")
        finally:
            os.chdir(here)
        done = place.run("backup", "a.tar")
    assert done.returncode == 0, done.stderr
    for name in ("to nowhere", "media/to itself", "pipe"):
        assert repr(name) in done.stderr or "1 more" in done.stderr
    found = names(place.folder / "a.tar")
    assert all(info.isreg() or info.isdir() for info in found.values())
    assert "to a folder/media/01A.jpg" in found
    assert "to a file" in found
    assert not {"to nowhere", "pipe", "socket", "media/to itself"} & set(found)


def test_file_that_cannot_be_read_is_named_and_nothing_is_made(
    place: Place, tmp_path: Path
) -> None:
    if os.geteuid() == 0:
        pytest.skip("nothing is closed to the superuser")
    (place.data / "notes of mine.txt").chmod(0)
    assert "notes of mine.txt" in place.refused("backup", "a.tar")
    assert not (place.folder / "a.tar").exists()


def test_database_elsewhere_is_in_it_as_well(
    new_place: Callable[..., Place], tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place = new_place()
    place.more = {"database_url": f"sqlite:///{elsewhere}/blog.db"}
    place.found()
    (place.data / "fedblog.sqlite3").write_bytes(b"of long ago")
    place.do("backup", "a.tar")
    assert {"fedblog.database/blog.db", "fedblog.sqlite3"} < set(names(place.folder / "a.tar"))
    other = new_place()
    other.do("restore", str(place.folder / "a.tar"))
    assert other.authors() == {"owner"}
    place.do("author", "add", "Later")
    place.do("restore", "a.tar")
    done = place.run("author", "add", "Later")
    assert done.returncode == 0, done.stderr
    assert (place.data / "fedblog.sqlite3").read_bytes() == b"of long ago"
    assert [path.name for path in elsewhere.glob("backups/replaced-*/*")] == [
        "blog.db",
        "blog.db.number",
    ]


def test_damaged_database_is_not_backed_up_in_silence(new_place: Callable[..., Place]) -> None:
    place = new_place().found()
    content = bytearray(place.file.read_bytes())
    content[-20_000:-10_000] = os.urandom(10_000)
    place.file.write_bytes(content)
    assert "damaged" in place.refused("backup", "a.tar")
    assert [path.name for path in place.folder.iterdir()] == ["data"]


def test_manifest_says_whose_backup_it_is_and_what_it_needs(place: Place) -> None:
    place.do("backup", "a.tar")
    with tarfile.open(place.folder / "a.tar") as opened:
        first = opened.next()
        assert first is not None
        content = opened.extractfile(first)
        assert content is not None
        said = json.loads(content.read())
    assert said["base_url"] == place.base_url
    assert said["version"] == "0.1.0"
    assert said["engine"] == ("sqlite" if place.is_sqlite else "postgresql")
    assert {table["name"]: table["rows"] for table in said["tables"]}["keys"] == 8
