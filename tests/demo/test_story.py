"""The whole demo as a user starts it: two real server processes and the conversation."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from support.waiting import PATIENCE

from fedblog.demo.processes import free_port

DEMO = (sys.executable, "-m", "fedblog", "demo")
SET = {"FEDBLOG_PAGE_SIZE": "20", "FEDBLOG_BASE_URL": "https://blog.example.org"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("FEDBLOG_")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def port():
    return free_port(18300)


@pytest.fixture(scope="module")
def first_run(folder, port):
    return subprocess.run(
        [*DEMO, "--exit", "--data", str(folder), "--port", str(port)],
        capture_output=True,
        text=True,
        timeout=10 * PATIENCE,
        cwd=folder,
        env=ENVIRONMENT | SET,
    )


def run(folder, *arguments, **settings):
    return subprocess.run(
        [*DEMO, "--exit", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=folder,
        env=ENVIRONMENT | settings,
    )


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_every_step_of_the_story_is_seen(first_run):
    assert first_run.returncode == 0, first_run.stdout + first_run.stderr
    assert "steps were seen." in first_run.stdout
    assert "✗" not in first_run.stdout
    for text in ("3 bloggers like this", "3 thoughts remain", "/feed.json", "#follows/"):
        assert text in first_run.stdout


def test_port_and_settings_that_were_said_hold_and_those_of_another_blog_are_named(
    first_run, folder, port
):
    assert json.loads((folder / "demo.json").read_text())["blog"] == port
    told = " ".join(first_run.stdout.split())
    assert "The demo has its own of FEDBLOG_BASE_URL; your other settings hold here." in told
    assert f"http://localhost:{port}" in told


def test_port_that_cannot_be_had_is_refused_with_the_way_out(first_run, folder, tmp_path):
    done = run(folder, "--data", str(folder), "--port", "1")
    assert done.returncode == 1
    assert "Leave --port out" in " ".join(done.stdout.split())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(tmp_path, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "Choose another with --port" in " ".join(done.stdout.split())
    done = run(tmp_path, FEDBLOG_PAGE_SIZE="ten")
    assert done.returncode == 1
    assert "page_size: takes a whole number" in " ".join(done.stdout.split())


def test_both_servers_are_gone_after_the_story(first_run, folder):
    ports = json.loads((folder / "demo.json").read_text())
    assert not listens(ports["blog"])
    assert not listens(ports["peer"])


def test_folder_whose_port_is_taken_is_refused_with_the_way_out(first_run, folder):
    ports = json.loads((folder / "demo.json").read_text())
    with socket.create_server(("127.0.0.1", ports["blog"])):
        done = run(folder, "--data", str(folder))
    assert done.returncode == 1
    assert "Stop what listens there" in " ".join(done.stdout.split())


def test_second_run_in_the_same_folder_goes_on_and_ctrl_c_stops_both(first_run, folder):
    process = subprocess.Popen(
        [*DEMO, "--data", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env={**ENVIRONMENT, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
        # A shell starts what runs in the background with Ctrl-C ignored, which is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    told = ""
    try:
        assert process.stdout is not None
        for line in process.stdout:
            told += line
            if "Ctrl-C stops them" in line:
                break
        assert "Between articles, number 1" in told
        assert "steps were seen." in told
        ports = json.loads((folder / "demo.json").read_text())
        assert listens(ports["blog"])
        assert listens(ports["peer"])
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(10 * PATIENCE)
    assert status == 0, told
    deadline = time.monotonic() + PATIENCE
    while listens(ports["peer"]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not listens(ports["blog"])
    assert not listens(ports["peer"])


def test_taken_port_is_passed_over():
    first = free_port(18400)
    with socket.create_server(("127.0.0.1", first)):
        assert free_port(first) > first
