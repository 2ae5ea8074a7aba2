"""The fedblog command: what it makes, says and refuses, as processes of their own."""

import contextlib
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import make_url
from support.commands import CHECKOUT, Served, environment, free_port, run, start
from support.people import People
from support.waiting import PATIENCE, eventually

INIT = [
    "init",
    *("--title", "Act Today"),
    *("--handle", "act"),
    *("--language", "de"),
    *("--time-zone", "Europe/Berlin"),
    *("--author", "Ada Author"),
]


@pytest.fixture(scope="module")
def blog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A blog that was never set up, served for all tests that need a running one."""
    with Served(tmp_path_factory.mktemp("blog")) as served:
        yield served


def rows(database: Path, query: str) -> list[tuple]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def one_sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """What a refused command said: one line of its own, and nothing on standard output."""
    lines = done.stderr.strip().splitlines()
    assert done.returncode == 1, done
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("fedblog: ")
    assert done.stdout == ""
    return lines[0]


# --- the first start -----------------------------------------------------------------------------


def test_serve_without_any_setup_makes_a_blog_and_says_how_to_write_for_it(blog: Served) -> None:
    said = blog.said.splitlines()
    assert f"{blog.base_url}/ " in said[0]
    assert str(blog.folder / "data") in said[0]
    command = shlex.split(said[2].partition(": ")[2])
    assert command[0] == "fedblog"
    token = blog.run(*command[1:]).strip()
    made = httpx.post(
        f"{blog.base_url}/api/v1/posts",
        json={"title": "First", "content": "Words.", "status": "published"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert made.status_code == 201, made.text
    assert "Words." in httpx.get(made.json()["url"]).text
    assert "First" in blog.get("/").text


def test_first_start_makes_keys_for_every_actor_and_keeps_them_to_itself(blog: Served) -> None:
    database = blog.folder / "data" / "fedblog.sqlite3"
    pairs = rows(database, "SELECT owner, kind FROM keys")
    (owner,) = rows(database, "SELECT id, role FROM authors")
    assert owner[1] == "owner"
    assert sorted(pairs) == sorted(
        (who, kind)
        for who in ("blog", "readers", "instance", owner[0])
        for kind in ("rsa", "ed25519")
    )
    assert (blog.folder / "data").stat().st_mode & 0o077 == 0
    assert database.stat().st_mode & 0o077 == 0


def test_second_process_is_told_who_holds_the_folder(blog: Served) -> None:
    for arguments in (["serve", "--listen", f"127.0.0.1:{free_port()}"], ["init", "--yes"]):
        sentence = one_sentence(run(blog.folder, *arguments, base_url=blog.base_url))
        assert f"process {blog.process.pid} " in sentence
        assert str(blog.folder / "data") in sentence
        assert "--data" in sentence


# --- authors and tokens, while it is served ------------------------------------------------------


def test_token_opens_the_api_at_once_and_nothing_once_revoked(blog: Served) -> None:
    token = blog.run("token", "create", "--author", "Owner")
    assert re.fullmatch(r"\S{40,}\n", token)
    address = f"{blog.base_url}/api/v1/posts"
    headers = {"Authorization": f"Bearer {token.strip()}"}
    assert httpx.get(address, headers=headers).status_code == 200
    assert blog.run("token", "revoke", token.strip()) == ""
    assert httpx.get(address, headers=headers).status_code == 401


def test_author_who_is_added_can_be_found_and_write_at_once(blog: Served) -> None:
    assert blog.run("author", "add", "Zoë Quick") == "zoe-quick\n"
    host = blog.base_url.partition("//")[2]
    found = blog.get(f"/.well-known/webfinger?resource=acct:zoe-quick@{host}")
    assert found.status_code == 200
    token = blog.run("token", "create", "--author", "zoe-quick").strip()
    made = httpx.post(
        f"{blog.base_url}/api/v1/posts",
        json={"title": "Mine", "content": "Words."},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert made.status_code == 201, made.text
    assert [author["name"] for author in made.json()["authors"]] == ["Zoë Quick"]


def test_tokens_are_named_listed_and_revoked_by_name(blog: Served) -> None:
    named = ("--name", "laptop of Zoë", "--author", "Owner")
    token = blog.run("token", "create", *named)
    again = run(blog.folder, "token", "create", *named, **blog.settings)
    assert "another token of owner is called laptop of Zoë" in one_sentence(again)
    listed = blog.run("token", "list", "--author", "Owner").splitlines()
    assert listed[0].split() == ["id", "author", "made", "last", "used", "name"]
    (row,) = (line for line in listed if line.endswith("laptop of Zoë"))
    assert token.strip() not in "".join(listed)
    assert "never" in row
    assert blog.run("token", "revoke", "laptop of Zoë", "--author", "owner") == ""
    assert "laptop of Zoë" not in blog.run("token", "list")
    assert "laptop of Zoë (revoked)" in blog.run("token", "list", "--revoked")
    gone = run(blog.folder, "token", "revoke", row.split()[0], **blog.settings)
    assert (gone.returncode, gone.stderr) == (
        1,
        "There is no such token, or it is revoked already.\n",
    )


def test_author_whose_name_makes_no_handle_is_asked_for_one(blog: Served) -> None:
    unsaid = run(blog.folder, "author", "add", "山田太郎", **blog.settings)
    assert "handle: none can be made from the name 山田太郎" in one_sentence(unsaid)
    assert "--handle" in unsaid.stderr
    assert blog.run("author", "add", "山田太郎", "--handle", "yamada") == "yamada\n"


def test_author_whose_handle_is_taken_and_token_of_nobody_are_refused(blog: Served) -> None:
    taken = run(blog.folder, "author", "add", "Owner", **blog.settings)
    assert "owner" in one_sentence(taken)
    unknown = run(blog.folder, "token", "create", "--author", "Nobody", **blog.settings)
    assert "Nobody" in one_sentence(unknown)


def test_migrate_beside_a_server_finds_everything_up_to_date(blog: Served) -> None:
    assert "up to date" in run(blog.folder, "migrate", **blog.settings).stderr


def test_upgrade_says_how_far_it_is_and_a_first_start_does_not(tmp_path: Path) -> None:
    first = run(tmp_path, "init", "--yes").stderr
    assert "INFO" not in first
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "fedblog.sqlite3")) as database:
        database.execute("DROP TRIGGER count_comments_insert")
        database.commit()
    said = run(tmp_path, "migrate").stderr
    assert "counting: " in said
    assert "copying the database before its upgrade" in said
    assert "the database was copied to" in said


def test_keys_are_rotated_and_the_old_ones_dropped_beside_a_server(blog: Served) -> None:
    printed = blog.run("keys", "rotate", "--yes").split()
    assert f"{blog.address}/ap/blog" in printed
    assert len(printed) == len(set(printed)) >= 4
    seen = _keys_of(blog, "#main-key-2", 3)
    assert [key.rpartition("#")[2] for key in seen[:2]] == ["main-key-2", "ed25519-key-2"]
    again = run(blog.folder, "keys", "rotate", "--yes", **blog.settings)
    assert "--drop" in one_sentence(again)
    assert blog.run("keys", "rotate", "--drop", "--yes").split() == printed
    assert len(_keys_of(blog, "#main-key-2", 1)) == 2


def test_keys_are_changed_only_after_a_yes(blog: Served) -> None:
    before = blog.document("/ap/blog")["publicKey"]["id"]
    for arguments in ((), ("--drop",)):
        asked = run(blog.folder, "keys", "rotate", *arguments, answers="n\n", **blog.settings)
        assert (asked.returncode, asked.stdout.strip()) == (1, "")
        assert asked.stderr.strip().endswith("Nothing was changed.")
        unasked = run(blog.folder, "keys", "rotate", *arguments, answers="", **blog.settings)
        assert (unasked.returncode, unasked.stdout.strip()) == (1, "")
        assert "--yes" in unasked.stderr.splitlines()[-1]
    unknown = run(blog.folder, "keys", "rotate", "--author", "Nobody", **blog.settings)
    assert "Nobody" in one_sentence(unknown)
    assert blog.document("/ap/blog")["publicKey"]["id"] == before


def _keys_of(blog: Served, signs: str, others: int) -> list[str]:
    """The ids of the blog's keys, once *signs* signs and there are as many *others*."""
    deadline = time.monotonic() + PATIENCE
    while True:
        actor = blog.document("/ap/blog")
        ids = [key["id"] for key in (actor["publicKey"], *actor["assertionMethod"])]
        if ids[0].endswith(signs) and len(ids) == others + 1:
            return ids
        assert time.monotonic() < deadline, ids
        time.sleep(0.05)


def test_preview_prints_a_draft_as_every_kind_of_server_would_show_it(blog: Served) -> None:
    token = blog.run("token", "create", "--author", "Owner").strip()
    made = httpx.post(
        f"{blog.base_url}/api/v1/posts",
        json={"title": "Not yet out", "content": "Words.", "summary": "In short."},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert made.status_code == 201, made.text
    printed = blog.run("preview", "not-yet-out")
    assert "\x1b" not in printed
    parts = dict(re.findall(r"^== (.+)\n((?:(?!== ).*\n)+)", printed, re.MULTILINE))
    assert len(parts) == 15
    mastodon, gotosocial = parts["Mastodon 4.5"].splitlines(), parts["GoToSocial"].splitlines()
    assert mastodon[:2] == ["Not yet out", "In short."]
    assert gotosocial[:2] == ["[In short.]", "“Not yet out”, by Owner"]
    assert "Words." not in mastodon
    assert "Words." in gotosocial
    done = run(blog.folder, "preview", "nothing", **blog.settings)
    assert "there is no post" in one_sentence(done)


# --- init, and starts after it -------------------------------------------------------------------


def test_serve_remembers_what_init_wrote_and_ends_cleanly(tmp_path: Path) -> None:
    port = free_port()
    address = f"http://localhost:{port}"
    done = run(tmp_path, *INIT, "--base-url", address, "--data", "here")
    assert done.returncode == 0, done.stderr
    assert "fedblog serve --data here" in done.stderr
    served = Served(tmp_path, "--data", "here", port=str(port), base_url="")
    with served:
        first = served.document("/ap/blog")
        assert first["id"] == f"{address}/ap/blog"
        assert first["preferredUsername"] == "act"
        assert first["name"] == "Act Today"
        assert "Ada Author" in served.get("/authors/ada-author/").text
        assert 'lang="de"' in served.get("/").text
        assert served.end(signal.SIGTERM) == 0
        served.begin()
        assert served.document("/ap/blog") == first
        assert served.document("/ap/instance")["publicKey"]["publicKeyPem"]
        assert served.end(signal.SIGINT) == 0
        assert "Traceback" not in served.said
    assert not (tmp_path / "here" / "fedblog.lock.json").exists()
    before = (tmp_path / "here" / "fedblog.sqlite3").read_bytes()

    other = f"http://localhost:{free_port()}"
    moved = one_sentence(
        run(tmp_path, "serve", "--data", "here", base_url=other, listen=other.partition("//")[2])
    )
    assert f"FEDBLOG_BASE_URL={address}" in moved
    assert "--data" in moved
    renamed = one_sentence(run(tmp_path, "init", "--yes", "--handle", "other", "--data", "here"))
    assert f"@act@localhost:{port}" in renamed
    assert "--data" in renamed
    assert address in one_sentence(
        run(tmp_path, "init", "--yes", "--base-url", other, "--data", "here")
    )
    again = run(tmp_path, "init", "--yes", "--data", "here")
    assert again.returncode == 1
    assert "already" in again.stderr
    assert (tmp_path / "here" / "fedblog.sqlite3").read_bytes() == before


def test_init_takes_its_answers_from_standard_input(tmp_path: Path) -> None:
    answers = "https://blog.example.org\nRivers\nrivers\npt-BR\nAmerica/Sao_Paulo\nBruna Lima\n"
    done = run(tmp_path, "init", answers=answers)
    assert done.returncode == 0, done.stderr
    database = tmp_path / "data" / "fedblog.sqlite3"
    assert rows(database, "SELECT title, handle, language, time_zone FROM blogs") == [
        ("Rivers", "rivers", "pt-BR", "America/Sao_Paulo")
    ]
    assert rows(database, "SELECT name, handle FROM authors") == [("Bruna Lima", "bruna-lima")]
    assert ("base_url", "https://blog.example.org") in rows(
        database, "SELECT key, value FROM server"
    )


ANSWERS = {
    "The address": "https://blog.example.org",
    "The blog's title": "Rivers",
    "Its handle": "rivers",
    "Its language": "pt-BR",
    "Its time zone": "America/Sao_Paulo",
    "The first author's name": "Bruna Lima",
    "One line": "Water finds its way",
    "Who posts": "The River Group",
    "A few sentences": "We walk along rivers.",
}
WRONG = {
    "The address": ("ftp://x", "must begin with https://"),
    "The blog's title": ("x" * 201, "1 to 200"),
    "Its handle": ("the blog", "takes letters a to z"),
    "Its language": ("German", "language tag"),
    "Its time zone": ("Mars/Olympus", "time zone such as"),
    "The first author's name": ("\u200b", "1 to 200"),
    "One line": ("x" * 201, "at most 200"),
    "Who posts": ("x" * 201, "at most 200"),
    "A few sentences": ("x" * 5001, "at most 5000"),
}


def test_answer_against_its_rule_is_told_so_and_asked_again_at_once(tmp_path: Path) -> None:
    lines = [line for at, answer in ANSWERS.items() for line in (WRONG[at][0], answer)]
    done = run(tmp_path, "init", answers="\n".join([*lines, ""]))
    assert done.returncode == 0, done.stderr
    rest = done.stderr
    for at, (_, rule) in WRONG.items():
        _, asked, rest = rest.partition(at)
        before, told, rest = rest.partition(rule)
        assert asked, at
        assert told, at
        assert not any(other in before for other in WRONG), at
        assert at in rest[:200], at
    database = tmp_path / "data" / "fedblog.sqlite3"
    made = rows(database, "SELECT title, handle, language, time_zone FROM blogs")
    assert made == [("Rivers", "rivers", "pt-BR", "America/Sao_Paulo")]
    assert rows(database, "SELECT tagline, group_name, about FROM blogs") == [
        ("Water finds its way", "The River Group", "We walk along rivers.")
    ]
    assert rows(database, "SELECT name, handle FROM authors") == [("Bruna Lima", "bruna-lima")]


def test_address_other_than_that_of_the_settings_is_refused_where_it_is_asked(
    tmp_path: Path,
) -> None:
    """The blog could not be served with these settings."""
    config = tmp_path / "its.toml"
    config.write_text('base_url = "https://blog.example.org"\n')
    done = run(
        tmp_path, "init", "--config", str(config), "--base-url", "https://b.example", "--yes"
    )
    assert done.returncode == 1
    assert "say https://blog.example.org; change it there first" in done.stderr
    assert not (tmp_path / "data").exists()
    answers = "https://b.example\nhttps://Blog.example.org/\n" + "\n" * 9
    done = run(tmp_path, "init", "--config", str(config), answers=answers)
    assert done.returncode == 0, done.stderr
    assert "say https://blog.example.org; change it there first" in done.stderr
    assert f"--config {config}" in done.stderr


def test_option_against_its_rule_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    for option, value in (
        ("--base-url", "ftp://x"),
        ("--title", ""),
        ("--handle", ""),
        ("--handle", "readers"),
        ("--language", "Deutsch"),
        ("--time-zone", "Mars/Olympus"),
        ("--author", "\u200b"),
        ("--author-handle", "a b"),
        ("--tagline", "x" * 201),
        ("--group", "x" * 201),
        ("--about", "a\x07b"),
    ):
        done = run(tmp_path, "init", option, value, answers="\n" * 20)
        field = {"--author": "name", "--author-handle": "handle"}.get(option, option[2:6])
        assert one_sentence(done).startswith(f"fedblog: {field}"), option
    assert list(tmp_path.iterdir()) == []


def test_author_whose_name_makes_no_free_handle_is_asked_for_one(tmp_path: Path) -> None:
    options = [*INIT[:-1], "Act", "--base-url", "https://blog.example.org"]
    done = run(tmp_path, *options, answers="act\nann\n")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("The first author's handle") == 2
    authors = "SELECT name, handle FROM authors"
    assert rows(tmp_path / "data" / "fedblog.sqlite3", authors) == [("Act", "ann")]
    other = tmp_path / "other"
    other.mkdir()
    assert "--author-handle" in one_sentence(run(other, *options, "--yes"))
    done = run(other, *options, "--author-handle", "ann", "--yes")
    assert done.returncode == 0, done.stderr


def test_answers_that_are_always_wrong_come_to_an_end(tmp_path: Path) -> None:
    done = run(tmp_path, "init", answers="wrong\n" * 100)
    assert done.returncode == 1
    assert "base_url" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "values", "rule"),
    [
        ("--fediverse", ["zed", "@zed", "zed@", "zed@host", "https://x.example/@zed", "a@b@c.d"],
         "@you@social.example"),
        ("--url", ["zed", "javascript:alert(1)", "https://", "https://a b", "https://x:99999"],
         "https://"),
        ("--about", ["a\x1bb", "x" * 5001], "plain text"),
    ],
)  # fmt: skip
def test_author_is_added_with_what_holds_alone(
    blog: Served, option: str, values: list[str], rule: str
) -> None:
    for value in values:
        done = run(blog.folder, "author", "add", "Zed", option, value, **blog.settings)
        sentence = one_sentence(done)
        assert sentence.startswith(f"fedblog: {option[2:]}: takes ")
        assert rule in sentence


def test_server_says_that_it_serves_once_it_does(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    process = start(tmp_path, "serve", listen=listen, base_url=f"http://{listen}")
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("fedblog serves ")
        assert httpx.get(f"http://{listen}/healthz", timeout=PATIENCE).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)


def test_init_without_anybody_to_answer_ends_and_makes_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, "init", answers="https://blog.example.org\n")
    assert done.returncode == 1
    assert "--yes" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


# --- what is refused -----------------------------------------------------------------------------

# (the command, settings, what the sentence says)
BAD_STARTS: list[tuple[list[str], dict[str, str], str]] = [
    (["serve", "--listen", "nonsense"], {}, "HOST:PORT"),
    (["serve"], {"base_url": "ftp://x"}, "https://"),
    (["serve"], {"base_url": "http://blog.example.org"}, "loopback"),
    (["serve"], {"base_url": "http://localhost:99999"}, "65535"),
    (["serve"], {"page_size": "ten"}, "page_size"),
    (["serve"], {"database_url": "mysql://localhost/x"}, "postgresql://"),
    (["serve", "--config", "missing.toml"], {}, "missing.toml"),
    (["serve", "--config", "broken.toml"], {}, "broken.toml"),
    (["serve", "--config", "unknown.toml"], {}, "colour"),
    (["serve", "--data", "broken.toml"], {}, "broken.toml"),
    (["serve", "--workers", "2"], {}, "PostgreSQL"),
    (["worker"], {}, "PostgreSQL"),
    (["serve", "--config", "."], {}, "no settings file"),
    (["serve", "--data", "\udcff"], {}, "not in UTF-8"),
    (["init", "--yes", "--handle", "a/b"], {}, "handle"),
    (["init", "--yes", "--time-zone", "Mars/Olympus"], {}, "time_zone"),
    (["token", "create", "--author", "Owner"], {}, "fedblog init"),
]


def test_bad_settings_are_one_clear_sentence_and_make_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("base_url = [")
    (tmp_path / "unknown.toml").write_text('colour = "red"')
    before = sorted(tmp_path.iterdir())
    wrong = []
    for begin in range(0, len(BAD_STARTS), 4):  # a few at once: starting a process is dear
        started = [
            (case, start(tmp_path, *case[0], **case[1])) for case in BAD_STARTS[begin : begin + 4]
        ]
        for case, process in started:
            output, said = process.communicate(timeout=PATIENCE)
            lines = said.strip().splitlines()
            if (
                process.returncode != 1
                or len(lines) != 1
                or not lines[0].startswith("fedblog: ")
                or case[2] not in lines[0]
                or output
            ):
                wrong.append((case, process.returncode, output, said))
    assert wrong == []
    assert sorted(tmp_path.iterdir()) == before


def test_number_that_is_none_is_refused_in_our_words(tmp_path: Path) -> None:
    for arguments, rule in (
        (("demo", "--port", "x"), "from 1 to 65535"),
        (("demo", "--port", "65536"), "from 1 to 65535"),
        (("serve", "--workers", "0"), "from 1 to 1000"),
        (("serve", "--workers", "\u00b2"), "from 1 to 1000"),
    ):
        done = run(tmp_path, *arguments)
        said = " ".join(done.stderr.replace("\u2502", " ").split())
        assert done.returncode == 2
        assert f"takes a whole number {rule}" in said
        assert "Input should" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to the superuser")
def test_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    assert "data" in one_sentence(run(tmp_path, "serve"))


def test_port_that_is_taken_and_database_that_is_newer_are_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        sentence = one_sentence(run(tmp_path, "serve", "--listen", listen))
    assert listen in sentence
    assert "--listen" in sentence
    assert not (tmp_path / "data" / "fedblog.sqlite3").exists()

    database = tmp_path / "data" / "fedblog.sqlite3"
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    connection.execute("INSERT INTO alembic_version VALUES ('9999')")
    connection.commit()
    connection.close()
    before = database.read_bytes()
    for command in (["serve", "--listen", f"127.0.0.1:{free_port()}"], ["migrate"]):
        sentence = one_sentence(run(tmp_path, *command))
        assert "newer" in sentence
        assert "9999" in sentence
    assert database.read_bytes() == before


# --- PostgreSQL ----------------------------------------------------------------------------------


async def test_two_workers_on_postgresql_share_one_blog(
    tmp_path: Path, postgresql_url: str, people: People
) -> None:
    people.add("ann")
    with Served(tmp_path, "--workers", "2", database_url=postgresql_url) as served:
        token = served.run("token", "create", "--author", "Owner").strip()
        worker = start(tmp_path, "worker", **served.settings)
        async with httpx.AsyncClient(
            base_url=served.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
        ) as api:
            made = await api.post(
                "/api/v1/posts",
                json={"title": "Shared", "content": "Words.", "status": "published"},
            )
            assert made.status_code == 201, made.text
            post = made.json()
            for number in range(8):
                note = people.note("ann", post["activitypub_id"], f"<p>Number {number}.</p>")
                activity = people.activity("Create", "ann", note)
                answer = await people.post(f"{served.base_url}/ap/inbox", activity, by="ann")
                assert answer.status_code == 202, answer.text
            comments = (await api.get(f"/api/v1/posts/{post['id']}/comments")).json()["items"]
            assert len(comments) == 8

            async def is_shown() -> bool:  # by the worker that did not write it as well
                async with httpx.AsyncClient(timeout=PATIENCE) as reader:
                    return "Number 7." in (await reader.get(post["url"])).text

            for _ in range(5):
                await eventually(is_shown, pause=0.1)
        children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
        workers = [
            pid
            for pid in children.read_text().split()
            if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert len(workers) == 2
        assert worker.stderr is not None
        assert served.base_url in worker.stderr.readline()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
        assert worker.communicate()[1] == ""
        assert served.end(signal.SIGTERM) == 0
        assert "Traceback" not in served.said


def test_tables_on_postgresql_are_made_by_migrate_alone(
    tmp_path: Path, postgresql_server: str
) -> None:
    name = f"fedblog_command_{uuid.uuid4().hex[:12]}"
    url = make_url(postgresql_server).set(database=name).render_as_string(hide_password=False)
    listen = f"127.0.0.1:{free_port()}"
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            refused = one_sentence(run(tmp_path, "serve", database_url=url, listen=listen))
            assert "fedblog migrate" in refused
            done = run(tmp_path, "migrate", database_url=url)
            assert done.returncode == 0, done.stderr
            done = run(tmp_path, *INIT, "--yes", database_url=url)
            assert done.returncode == 0, done.stderr
            # An empty one in its place is refused, by migrate too, and stays empty.
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
            for command in ("serve", "migrate"):
                refused = one_sentence(run(tmp_path, command, database_url=url, listen=listen))
                assert "its database is empty" in refused
                assert "backup" in refused
            with psycopg.connect(url) as emptied:
                tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
                assert emptied.execute(tables).fetchone() == (0,)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    gone = one_sentence(run(tmp_path, "serve", database_url=url, listen=listen))
    assert name in gone


def test_server_opens_as_many_files_as_the_system_allows(tmp_path: Path) -> None:
    program = (
        "import resource; from fedblog.serving import application\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))\n"
        "application()\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


# --- how fast it starts --------------------------------------------------------------------------


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    code = (
        "import sys; import fedblog.cli; first = set(sys.modules); "
        "import fedblog.serving, fedblog.app, uvicorn; "
        "print(*first & {'sqlalchemy', 'aiohttp', 'httpx', 'starlette', 'cryptography'}); "
        "print(*set(sys.modules) & {'PIL', 'alembic', 'mako', 'psycopg'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment({}),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []
