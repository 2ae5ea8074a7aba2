"""Where the demo plays: its folder, its ports, the two servers, and the way to ask them."""

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from fedblog.demo import articles
from fedblog.demo.exchange import BlogApi, PeerControl, ask
from fedblog.demo.processes import (
    PeerDatabase,
    ProcessError,
    Running,
    command,
    free_port,
    port_is_free,
)


@dataclass(frozen=True, slots=True)
class Ports:
    """The two ports; written into the folder, because addresses hold them for ever."""

    blog: int
    peer: int


class Stage:
    """The two servers over one folder.

    A folder that was used before keeps its ports, its blog and its people. *port* is the blog's in
    one that was not. Raises ProcessError where a port cannot be had.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder.absolute()
        self.blog_data = self.folder / "blog"
        self._file = self.folder / "demo.json"
        self.was_used_before = self._file.exists()
        self.ports = self._choose_ports(port)
        self.base_url = f"http://localhost:{self.ports.blog}"
        self.handle = f"{articles.HANDLE}@localhost:{self.ports.blog}"
        self.peer_url = f"http://127.0.0.1:{self.ports.peer}"
        self.peer_file = self.folder / "peer.sqlite3"
        self._secret = secrets.token_urlsafe(24)
        self._servers: list[Running] = []
        self.control = PeerControl(self.peer_url, self._secret)
        self.peer = PeerDatabase(self.peer_file)

    @property
    def settings(self) -> dict[str, str]:
        """The settings the blog is started with."""
        return {
            "FEDBLOG_BASE_URL": self.base_url,
            "FEDBLOG_DATA_DIR": str(self.blog_data),
            "FEDBLOG_LISTEN": f"127.0.0.1:{self.ports.blog}",
            "FEDBLOG_ALLOW_PRIVATE_NETWORK": "true",
            # The story counts before and after it.
            "FEDBLOG_NODEINFO_SECONDS": "0",
        }

    def _set_up_blog(self) -> None:
        """Make the blog with its owner, unless the folder has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.was_used_before:
            return
        self.fedblog(
            "init",
            *("--title", articles.TITLE, "--tagline", articles.TAGLINE),
            *("--handle", articles.HANDLE, "--group", articles.GROUP, "--about", articles.ABOUT),
            *("--base-url", self.base_url, "--language", "en", "--time-zone", "UTC"),
            *("--author", articles.OWNER.name, "--yes"),
        )
        self._file.write_text(json.dumps(asdict(self.ports)), encoding="utf-8")

    def fedblog(self, *arguments: str) -> str:
        """Run a command of fedblog on the blog; gives what it printed. Raises ProcessError."""
        return command(arguments, self.settings, self.folder)

    def start_blog(self) -> Running:
        """Set the blog up where it is not, start its server and wait until it answers.

        Raises ProcessError.
        """
        self._set_up_blog()
        listen = f"127.0.0.1:{self.ports.blog}"
        server = Running(
            "fedblog",
            ["serve", "--data", str(self.blog_data), "--listen", listen],
            self.settings,
            self.folder / "blog.log",
        )
        self._servers.append(server)
        server.wait_until_it_answers(f"{self.base_url}/")
        return server

    def start_peer(self) -> Running:
        """Start the second server and wait until it answers. Raises ProcessError."""
        server = Running(
            "fedblog.demo.peer",
            ["--port", str(self.ports.peer), "--database", str(self.peer_file)],
            {"PEER_SECRET": self._secret},
            self.folder / "peer.log",
        )
        self._servers.append(server)
        server.wait_until_it_answers(f"{self.peer_url}/")
        return server

    def api(self) -> BlogApi:
        """The API with a fresh token of the owner. Raises ProcessError."""
        token = self.fedblog("token", "create", "--author", articles.OWNER.handle)
        return BlogApi(self.base_url, token)

    def node_counts(self) -> dict[str, int]:
        """What NodeInfo counts: users, posts, comments. Raises ExchangeError."""
        links = ask("GET", f"{self.base_url}/.well-known/nodeinfo").json()["links"]
        address = next(link["href"] for link in links if link["rel"].endswith("/schema/2.1"))
        usage = ask("GET", address).json()["usage"]
        return {
            "users": int(usage["users"]["total"]),
            "posts": int(usage["localPosts"]),
            "comments": int(usage["localComments"]),
        }

    def a_server_ended(self) -> bool:
        """Whether one of the two servers is gone."""
        return any(server.has_ended() for server in self._servers)

    def close(self) -> None:
        """Stop both servers, the one started last first."""
        while self._servers:
            self._servers.pop().stop()

    def _choose_ports(self, wanted: int | None) -> Ports:
        if not self.was_used_before:
            if wanted is not None and not port_is_free(wanted):
                raise ProcessError(f"Port {wanted} is taken. Choose another with --port.")
            blog = free_port(8000) if wanted is None else wanted
            return Ports(blog, free_port(blog + 1 if blog < 65_000 else 8000))
        ports = Ports(**json.loads(self._file.read_text(encoding="utf-8")))
        if wanted not in (None, ports.blog):
            raise ProcessError(
                f"{self.folder} was set up for port {ports.blog}, which its addresses hold for "
                "ever. Leave --port out, or give another folder."
            )
        for port in (ports.blog, ports.peer):
            if not port_is_free(port):
                raise ProcessError(
                    f"{self.folder} was set up for port {port}, which is taken. "
                    "Stop what listens there, or give another folder."
                )
        return ports
