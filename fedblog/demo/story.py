"""The demo: a group publishes, another server follows, and its people answer.

This plays the scenes in order, says how it ended, and keeps or stops the two servers.
"""

import signal
import tempfile
import time
from pathlib import Path
from types import FrameType

from rich.console import Console

from fedblog.demo.exchange import ExchangeError
from fedblog.demo.processes import ProcessError, left_out
from fedblog.demo.scenes import Scenes
from fedblog.demo.stage import Stage
from fedblog.demo.telling import StoryBrokenError, Telling


def run(data: Path | None, exit_after: bool, port: int | None = None) -> int:
    """Play the demo in *data* (or a temporary folder), the blog on *port*; gives the exit status.

    With *exit_after* it ends after the story, with 0 only if every step was seen; else both
    servers run on until Ctrl-C.
    """
    console = Console()

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, end)
    try:
        if data is not None:
            return _play(data, port, exit_after, console)
        with tempfile.TemporaryDirectory(prefix="fedblog-demo-") as folder:
            return _play(Path(folder), port, exit_after, console)
    except KeyboardInterrupt:
        return 130
    finally:
        signal.signal(signal.SIGTERM, former)


def _play(folder: Path, port: int | None, exit_after: bool, console: Console) -> int:
    telling = Telling(console)
    try:
        stage = Stage(folder, port)
    except (ProcessError, ValueError, TypeError) as error:
        console.print(f"[red]{error}[/]")
        return 1
    if names := ", ".join(left_out()):
        telling.say(f"The demo has its own of {names}; your other settings hold here.")
    try:
        status = _tell(Scenes(stage, telling), telling)
        if exit_after or status:
            return status
        try:
            telling.say("\nBoth servers keep running. Ctrl-C stops them.")
            while not stage.a_server_ended():
                time.sleep(0.3)
        except KeyboardInterrupt:
            telling.say("\nStopping.")
            return 0
        telling.say("[red]A server ended by itself; its log is in the folder.[/]")
        return 1
    finally:
        stage.close()


def _tell(scenes: Scenes, telling: Telling) -> int:
    try:
        scenes.open()
        scenes.publish_first()
        scenes.others_arrive()
        scenes.publish_last()
        scenes.readers_answer()
        scenes.second_thoughts()
        scenes.group_answers()
        scenes.count()
    except StoryBrokenError:
        telling.say("\n[red]The story stops here.[/]")
        telling.report_missing()
        return 1
    except (ExchangeError, ProcessError) as error:
        telling.say(f"\n[red]The story stops here: {error}[/]")
        return 1
    if telling.report_missing():
        return 1
    scenes.name_pages()
    return 0
