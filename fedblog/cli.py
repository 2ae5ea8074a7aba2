"""The fedblog command: reads the words, calls what does the work, tells the outcome."""

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

from fedblog import __version__
from fedblog.settings import Settings, SettingsError, load

T = TypeVar("T")

app = typer.Typer(
    help="A federated group blog.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
author_app = typer.Typer(help="The people who write.", no_args_is_help=True)
token_app = typer.Typer(help="Tokens for authors' tools.", no_args_is_help=True)
app.add_typer(author_app, name="author")
app.add_typer(token_app, name="token")
keys_app = typer.Typer(help="The keys that sign for the blog.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The data folder (default: data).")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="A settings file (default: fedblog.toml)."),
]


def _number(least: int, most: int) -> Callable[[str | int], int]:
    """Reads a whole number within bounds; of one that is none it says what it takes, as the
    library behind Typer would not in our words."""

    def read(value: str | int) -> int:
        text = str(value)
        if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
            raise typer.BadParameter(f"takes a whole number from {least} to {most}")
        return int(text)

    return read


def main() -> None:
    """Run the command; errors that are the user's to mend are one sentence, exit status 1."""
    try:
        for word in sys.argv[1:]:
            if not _is_text(word):
                raise SettingsError(f"{word.encode(errors='replace').decode()!r} is not in UTF-8")
        app()
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        _say(f"fedblog: {sentence}")
        sys.exit(1)


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:  # bytes of another encoding
        return False
    return True


def _sentence(error: Exception) -> str | None:
    """What to tell the user about *error*, or None where it is a fault of the program."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    if not isinstance(error, SettingsError):
        from fedblog.domain.errors import DomainError
        from fedblog.publishing.identity import IdentityChangedError
        from fedblog.storage.errors import StorageError

        if not isinstance(error, DomainError | IdentityChangedError | StorageError):
            return None
    return " ".join(str(error).split())


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"fedblog {__version__}")
        raise typer.Exit


@app.command()
def serve(
    data: DataOption = None,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Where to accept connections."),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            parser=_number(1, 1000),
            metavar="N",
            help="Processes; above 1 needs PostgreSQL.",
        ),
    ] = 1,
    config: ConfigOption = None,
) -> None:
    """Serve the blog; makes whatever is missing at the first start."""
    gc.disable()  # until everything is imported: a tenth of the time to the first answer
    settings = load(config, data_dir=data, listen=listen)
    from fedblog import serving

    serving.check_workers(settings, workers)
    signal.signal(signal.SIGTERM, _end)
    with _held(settings), serving.listening(settings) as sockets:
        prepared = _run(serving.prepare(settings))
        serving.number(prepared.settings)
        serving.serve(prepared, sockets, workers=workers)


@app.command()
def worker(data: DataOption = None, config: ConfigOption = None) -> None:
    """Run deliveries and other jobs in a process of their own (needs PostgreSQL)."""
    settings = load(config, data_dir=data)
    from fedblog import serving

    _run(serving.work(settings))


@app.command()
def init(
    title: Annotated[str | None, typer.Option(help="The blog's title.")] = None,
    handle: Annotated[str | None, typer.Option(help="The blog's name in @name@host.")] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", help="The address it will be reached at.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="Its language, such as en or de.")] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help="Its time zone, such as Europe/Berlin.")
    ] = None,
    author: Annotated[str | None, typer.Option(help="The first author's name.")] = None,
    author_handle: Annotated[
        str | None,
        typer.Option("--author-handle", help="The author's name in @name@host (from the name)."),
    ] = None,
    tagline: Annotated[str | None, typer.Option(help="One line below the title.")] = None,
    group: Annotated[
        str | None, typer.Option(help="Who posts are “Published by” (default: title).")
    ] = None,
    about: Annotated[
        str | None, typer.Option(help="A few sentences of the group about itself.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; take the defaults for what is not given.")
    ] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Set up a new blog: asks for what the options do not say."""
    from fedblog import questions, serving
    from fedblog.publishing.identity import Founding

    settings = load(config, data_dir=data, base_url=base_url)
    if serving.has_database(settings):
        with _held(settings):
            if _run(serving.has_blog(settings)):
                _run(serving.prepare(settings, Founding(handle=handle)))  # refuses another name
                _say(f"There is a blog in {settings.data_dir} already; nothing was changed.")
                raise typer.Exit(1)
    given = {
        "title": title,
        "handle": handle,
        "language": language,
        "time_zone": time_zone,
        "owner_name": author,
        "owner_handle": author_handle,
        "tagline": tagline,
        "group_name": group,
        "about": about,
    }
    settings, founding = questions.founding(
        given, base_url=base_url, asks=not yes, config=config, data=data
    )
    with _held(settings):
        _run(serving.prepare(settings, founding))
    where = "" if str(settings.data_dir) == "data" else f" --data {settings.data_dir}"
    where += "" if config is None else f" --config {config}"
    _say(
        f"The blog {founding.title} was made in {settings.data_dir}. Start it: fedblog serve{where}"
    )


@app.command()
def migrate(data: DataOption = None, config: ConfigOption = None) -> None:
    """Bring the database up to this version."""
    from fedblog import serving

    settings = load(config, data_dir=data)
    backup = None
    if not serving.is_current(settings):
        with _held(settings):  # not under the feet of the process that serves it
            backup = serving.upgrade(settings)
    if backup is not None:
        _say(f"The database as it was is kept in {backup}.")
    _say("The database is up to date.")


@app.command()
def backup(
    file: Annotated[
        str | None,
        typer.Argument(help="Where to; - is standard output (default: a name with host and time)."),
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Write the whole blog into one file, while it is served; prints the file's name."""
    from fedblog import copies, serving

    settings = load(config, data_dir=data)
    signal.signal(signal.SIGTERM, _end)
    serving.settle(settings)
    for sentence in copies.backup(settings, file):
        _say(sentence)


@app.command()
def restore(
    file: Annotated[
        str, typer.Argument(help="A backup, or a copy of an SQLite database; - is standard input.")
    ],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Put a backup in the place of what is there; keeps what it replaces."""
    from fedblog import copies

    settings = load(config, data_dir=data)
    signal.signal(signal.SIGTERM, _end)
    for sentence in copies.restore(settings, file):
        _say(sentence)


@app.command()
def preview(
    post: Annotated[str, typer.Argument(help="A post's id, slug, path or address.")],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Show how a post, or a draft, looks on other kinds of servers."""
    from rich.console import Console

    from fedblog import serving
    from fedblog.publishing import looks
    from fedblog.publishing import preview as previews
    from fedblog.publishing.looks import printing

    settings = load(config, data_dir=data)
    article = _run(serving.with_store(settings, lambda store: previews.article_of(store, post)))
    printing.show(Console(), looks.renderings(article))


@app.command()
def doctor(
    subject: Annotated[
        str, typer.Argument(help="An actor or post, ours or another's: its address or a handle.")
    ],
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Look at an actor or post as other servers would; status 1 if something goes wrong."""
    from fedblog import serving
    from fedblog.doctor import printing, visiting

    settings = load(config, data_dir=data)
    if serving.has_database(settings):
        report = _run(
            serving.with_store(settings, lambda store: visiting.visit(subject, settings, store))
        )
    else:
        report = _run(visiting.visit(subject, settings))
    printing.show(report, typer.echo)
    raise typer.Exit(0 if report.is_healthy else 1)


@app.command()
def demo(
    exit_after: Annotated[
        bool, typer.Option("--exit", help="End after the story; status 0 if all was seen.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Keep everything here (default: temporary)."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            parser=_number(1, 65535),
            metavar="N",
            help="The blog's port (default: the first free from 8000).",
        ),
    ] = None,
) -> None:
    """Show what it does: a blog, a second server, and the conversation between them."""
    from fedblog.demo import story

    raise typer.Exit(story.run(data, exit_after, port))


@author_app.command("add")
def author_add(
    name: Annotated[str, typer.Argument(help="The author's name as readers see it.")],
    handle: Annotated[
        str | None, typer.Option(help="The name in @name@host (default: made from NAME).")
    ] = None,
    about: Annotated[str, typer.Option(help="A few sentences about the author.")] = "",
    url: Annotated[str, typer.Option(help="The author's own site.")] = "",
    fediverse: Annotated[str, typer.Option(help="The author's account elsewhere, @you@host.")] = "",
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Add an author; prints the handle."""
    from fedblog import serving
    from fedblog.publishing import identity

    settings = load(config, data_dir=data)
    made = _run(
        serving.with_store(
            settings,
            lambda store: identity.add_author(
                store, name, handle=handle, about=about, url=url, fediverse=fediverse
            ),
        )
    )
    typer.echo(made.handle)
    if handle is not None and made.handle != handle.strip().removeprefix("@"):
        _say(f"Handles are in lower case: {made.handle}")


@token_app.command("create")
def token_create(
    author: Annotated[str, typer.Option(help="Whose token: a name or a handle.")],
    name: Annotated[
        str | None, typer.Option(help="What it is for, to know it by (default: token, token 2…).")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a token; prints it alone, once."""
    from fedblog import serving
    from fedblog.publishing import tokens

    settings = load(config, data_dir=data)
    made = _run(serving.with_store(settings, lambda store: tokens.issue(store, author, name)))
    typer.echo(made.token)
    _say(f"Its name is “{made.name}”, its id {made.id}.")


@token_app.command("list")
def token_list(
    author: Annotated[
        str | None, typer.Option(help="Only this author's: a name or a handle.")
    ] = None,
    revoked: Annotated[bool, typer.Option("--revoked", help="Those revoked, too.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """List tokens: id, author, when made and last used, name."""
    from fedblog import serving
    from fedblog.publishing import tokens

    settings = load(config, data_dir=data)
    found = _run(
        serving.with_store(
            settings, lambda store: tokens.list_tokens(store, author, with_revoked=revoked)
        )
    )
    for line in tokens.table(found):
        typer.echo(line)
    if not found:
        _say("There are no tokens.")


@token_app.command("revoke")
def token_revoke(
    token: Annotated[str, typer.Argument(help="Its id or its name, or the token itself.")],
    author: Annotated[
        str | None, typer.Option(help="Whose token, where several have the name.")
    ] = None,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Revoke a token; from then on it opens nothing."""
    from fedblog import serving
    from fedblog.publishing import tokens

    settings = load(config, data_dir=data)
    revoked = _run(
        serving.with_store(settings, lambda store: tokens.revoke_token(store, token, author))
    )
    if not revoked:
        _say("There is no such token, or it is revoked already.")
        raise typer.Exit(1)
    _say("Revoked.")


@keys_app.command("rotate")
def keys_rotate(
    author: Annotated[
        str | None, typer.Option(help="Only this author's keys: a name or a handle.")
    ] = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="Drop the old keys: the second step, some days later.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    data: DataOption = None,
    config: ConfigOption = None,
) -> None:
    """Make new keys, published beside the old ones; with --drop, drop the old ones."""
    from fedblog import questions, serving
    from fedblog.publishing import rotation

    settings = load(config, data_dir=data)
    owners = _run(serving.with_store(settings, lambda store: rotation.owners(store, author)))
    whose = f"of all {len(owners)} actors" if author is None else f"of {author}"
    question = (
        f"Drop the old keys {whose} for good? What was signed with them can no longer be verified."
        if drop
        else f"Make new keys {whose}? The old ones stay published until they are dropped."
    )
    if not yes and not questions.confirmed(question):
        _say("Nothing was changed.")
        raise typer.Exit(1)
    change = rotation.drop if drop else rotation.rotate
    changed = _run(serving.with_store(settings, lambda store: change(store, author)))
    for actor in changed:
        typer.echo(actor)
    if drop:
        _say("The old keys of these actors are dropped.")
    else:
        _say(
            "These actors sign with new keys. Their old ones are published for the time being; "
            "drop them in about four days: fedblog keys rotate --drop"
        )


def _run(work: Coroutine[Any, Any, T]) -> T:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    return asyncio.run(work)


@contextmanager
def _held(settings: Settings) -> Iterator[None]:
    """Hold the data folder where the database is a file: one process serves it."""
    from fedblog.storage.lock import DataFolderLock

    if not settings.is_sqlite:
        yield
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    from fedblog import serving

    with DataFolderLock(settings.data_dir) as lock:
        lock.acquire(settings.listen)
        serving.settle(settings, is_held=True)
        yield


def _end(number: int, frame: object) -> NoReturn:
    """End as after Ctrl-C: everything is closed, the data folder given back."""
    sys.exit(0)


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
