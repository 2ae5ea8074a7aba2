"""A `fedblog restore` that is killed leaves the old or the new, wholly."""

import shutil
import signal
import subprocess
import sys
import time

import pytest
from copies.conftest import ARCHIVE, Place, is_old
from support.commands import environment
from support.waiting import PATIENCE

from fedblog import serving

STOPPED = """
import os, sys
left = int(sys.argv.pop(1))
def stopping(function):
    def stop(*arguments, **keywords):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), 9)
        return function(*arguments, **keywords)
    return stop
for name in ("rename", "replace", "sync"):
    setattr(os, name, stopping(getattr(os, name)))
from fedblog.storage.backups import switching, postgresql_copy
switching._remove = stopping(switching._remove)
postgresql_copy.set_aside = stopping(postgresql_copy.set_aside)
from fedblog.cli import main
main()
"""


@pytest.mark.crash
def test_kill_at_any_moment_leaves_the_old_or_the_new_and_it_can_be_run_again(
    backed_up: Place,
) -> None:
    place = backed_up
    outcomes = []
    for moment in range(100):
        done = subprocess.run(
            [sys.executable, "-c", STOPPED, str(moment), "restore", ARCHIVE],
            cwd=place.folder,
            env=environment(place.settings),
            capture_output=True,
            text=True,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        # Whoever opens it next ends what was begun, and the blog is one or the other.
        serving.settle(place.as_settings())
        shutil.rmtree(place.data / "fedblog.restore", ignore_errors=True)
        outcomes.append(is_old(place))
        if outcomes[-1]:  # back to what came later
            place.query(
                "INSERT INTO authors SELECT 'later', blog_id, 'later', name, about, url, "
                "fediverse, avatar, role, created_at, updated_at FROM authors"
            )
            (place.data / "media" / "02B.jpg").write_bytes(b"a later picture")
            (place.data / "media" / "01A.jpg").unlink()
            (place.data / "notes of mine.txt").write_text("other words")
        if done.returncode == 0:
            break
    assert done.returncode == 0
    assert outcomes[0] is False
    assert outcomes[-1] is True
    assert outcomes.count(True) > 3
    assert outcomes == sorted(outcomes)
    place.do("restore", ARCHIVE)
    assert is_old(place)


@pytest.mark.crash
def test_kill_9_at_any_time_does_so_as_well(backed_up: Place) -> None:
    place = backed_up
    for part in range(6):
        process = subprocess.Popen(
            [sys.executable, "-m", "fedblog", "restore", ARCHIVE],
            cwd=place.folder,
            env=environment(place.settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        watched = [place.data / "fedblog.restore", place.data / "fedblog.restore.json"][part % 2]
        while process.poll() is None and not watched.exists():
            pass
        time.sleep(0.01 * (part // 2))
        process.kill()
        process.wait(PATIENCE)
        serving.settle(place.as_settings())
        shutil.rmtree(place.data / "fedblog.restore", ignore_errors=True)
        is_old(place)
    place.do("restore", ARCHIVE)
    assert is_old(place)
    place.do("author", "add", "Later")


def test_folder_that_moved_after_a_kill_is_ended_where_it_is(backed_up: Place) -> None:
    place = backed_up
    for moment in range(400):
        done = subprocess.run(
            [sys.executable, "-c", STOPPED, str(moment), "restore", ARCHIVE],
            cwd=place.folder,
            env=environment(place.settings),
            capture_output=True,
        )
        assert done.returncode == -signal.SIGKILL, moment
        if (place.data / "fedblog.restore.json").exists():
            break
    place.data.rename(place.folder / "moved")
    (place.folder / "data").symlink_to("moved")
    place.run("token", "create", "--author", "Nobody")
    is_old(place)
