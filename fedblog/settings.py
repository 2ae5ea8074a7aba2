"""One Settings object: defaults, then config/fedblog.toml, then FEDBLOG_* variables.

It is built once at the start and passed in; nothing reads it from a global.
"""

import logging
import os
import re
import ssl
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from fedblog.rules import sentence

log = logging.getLogger(__name__)

_PREFIX = "FEDBLOG_"
DEFAULT_CONFIG = Path("fedblog.toml")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_PORT = re.compile(r"[0-9]{1,5}")
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


class SettingsError(Exception):
    """A setting does not hold; the message names it and says what it takes."""


class Settings(BaseSettings):
    """Every setting of the server; the environment variable is FEDBLOG_ and the upper-case name."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, extra="forbid", frozen=True, allow_inf_nan=False
    )

    base_url: str = Field(
        "http://localhost:8000",
        description="The address every identifier begins with. http only for loopback hosts.",
    )
    handle_host: str = Field(
        "",
        description="The host in @blog@host where it is not the base URL's own.",
    )
    data_dir: Path = Field(
        Path("data"), description="The folder of database, media, secret and lock file."
    )
    database_url: str = Field(
        "", description="postgresql://… ; empty means SQLite in the data folder."
    )
    listen: str = Field("127.0.0.1:8000", description="HOST:PORT to accept connections on.")
    trusted_proxies: str = Field(
        "127.0.0.1", description="Addresses whose X-Forwarded-* headers are believed, by comma."
    )
    allow_private_network: bool = Field(
        False, description="Development and tests: outbound requests may reach loopback over http."
    )
    ca_file: Path | None = Field(None, description="An extra certificate authority to trust.")
    log_format: Literal["text", "json"] = Field("text", description="text or json lines.")

    inbox_max_bytes: int = Field(1 << 20, gt=0, description="Largest inbox body; over it 413.")
    inbox_timeout: float = Field(
        30.0, gt=0, description="Seconds in which a body must arrive at an inbox; after it 408."
    )
    api_max_bytes: int = Field(4 << 20, gt=0, description="Largest JSON body of the API.")
    json_max_depth: int = Field(32, gt=0, description="Deepest JSON taken from outside.")
    json_max_items: int = Field(1000, gt=0, description="Longest array taken from outside.")
    json_max_nodes: int = Field(20_000, gt=0, description="Most values in JSON from outside.")
    text_max_characters: int = Field(
        100_000, gt=0, description="Longest text of a remote reply; over it 413."
    )
    markdown_max_characters: int = Field(
        10_000, ge=0, description="Longest remote text that is read as Markdown."
    )
    text_waiting: int = Field(64, gt=0, description="Long remote texts that may wait to be read.")
    text_waiting_each: int = Field(4, gt=0, description="Those of one domain among them.")
    text_waiting_bytes: int = Field(
        8 << 20, gt=0, description="Bytes of the activities that so wait."
    )
    text_timeout: float = Field(
        10.0, gt=0, description="Seconds of processor time for one long text."
    )
    text_seconds: float = Field(
        6.0, gt=0, description="Seconds of processor time a minute for long texts of one domain."
    )
    text_seconds_burst: float = Field(
        12.0, gt=0, description="Seconds of it at once before that rate applies."
    )
    unproven_bytes: int = Field(
        8 << 20, gt=0, description="Bytes of large activities that wait for their sender's key."
    )
    signature_max_length: int = Field(
        8192, gt=0, description="Longest header that is about a signature."
    )
    proof_max_bytes: int = Field(
        1 << 16, gt=0, description="Largest activity whose proof is looked at."
    )
    fetch_max_bytes: int = Field(1 << 20, gt=0, description="Largest document fetched.")
    fetch_timeout: float = Field(
        10.0, gt=0, description="Seconds for one fetch, redirects and all."
    )
    fetch_max_redirects: int = Field(3, ge=0, description="Redirects followed by one fetch.")
    date_skew_past: int = Field(3600, gt=0, description="Seconds a signature's date may lie back.")
    date_skew_future: int = Field(300, gt=0, description="Seconds it may lie ahead.")
    allow_short_rsa_keys: bool = Field(
        False, description="Take signatures by RSA keys of 1,024 to 2,047 bits."
    )
    actor_rate: float = Field(20, gt=0, description="Activities a minute from one remote actor.")
    actor_burst: int = Field(120, gt=0, description="As many at once before that rate applies.")
    host_rate: float = Field(1000, gt=0, description="Activities a minute from one remote host.")
    host_burst: int = Field(2000, gt=0, description="Activities at once before that rate applies.")
    address_rate: float = Field(
        2000,
        gt=0,
        description="Requests to inboxes a minute from one address (IPv6: one /64), proven or not;"
        " never less than host_rate.",
    )
    address_burst: int = Field(
        4000,
        gt=0,
        description="Requests at once before that rate applies; never less than host_burst.",
    )
    asked_rate: float = Field(
        60, gt=0, description="Requests a minute that others may have us make to one domain."
    )
    asked_burst: int = Field(120, gt=0, description="Requests at once before that rate applies.")
    asker_rate: float = Field(
        30,
        gt=0,
        description="Requests a minute that one domain, or unproven one address, may have us make.",
    )
    asker_burst: int = Field(80, gt=0, description="Requests at once before that rate applies.")
    key_refetch_rate: float = Field(
        600.0, gt=0, description="Known keys fetched again a minute for signatures that do not fit."
    )
    key_refetch_burst: int = Field(30, gt=0, description="Known keys fetched again at once.")
    unproven_fetches: int = Field(
        128, gt=0, description="Keys fetched at once for signatures that are not proven yet."
    )
    proven_fetches: int = Field(
        64, gt=0, description="Requests under way at once on behalf of proven senders and readers."
    )
    fetches_at_domain: int = Field(
        8, gt=0, description="Requests under way at once to one domain on behalf of others."
    )
    fetches_waiting: int = Field(
        4, gt=0, description="Requests that may wait, for each one that may be under way."
    )
    fetches_waiting_at_domain: int = Field(
        64, gt=0, description="Requests to one domain that may wait."
    )
    forwarded_rate: float = Field(
        60,
        gt=0,
        description="Activities of others without a proof a minute that one domain may bring.",
    )
    forwarded_burst: int = Field(120, gt=0, description="Of them at once before that rate applies.")
    fetch_patience: float = Field(
        3.0, gt=0, description="Seconds after which a fetch is given up where others wait for it."
    )
    name_servers: str = Field(
        "",
        description="Name servers, IP addresses (and ports) by comma; empty: the system's.",
    )
    report_length: int = Field(2000, gt=0, description="Characters kept of a report's text.")
    report_objects: int = Field(20, gt=0, description="Ids kept of what one report names.")
    reports_per_actor: int = Field(50, gt=0, description="Reports kept of one remote actor.")
    reports_per_host: int = Field(
        100, gt=0, description="Reports kept of one server, by its registrable domain."
    )
    reports_kept: int = Field(
        1000, gt=0, description="Reports kept; beyond it the oldest of who sent most go."
    )
    reactions_per_person: int = Field(
        10, gt=0, description="Likes, boosts and emoji of one person on one post or comment."
    )
    authorizations_per_actor: int = Field(
        200, gt=0, description="Requests for leave to interact kept of one remote actor."
    )
    followers_per_host: int = Field(
        20_000,
        gt=0,
        description="Followers whose inbox is in one registrable domain; more are not taken.",
    )
    orphans_per_actor: int = Field(
        20, gt=0, description="Replies of one actor kept whose parent is not known; oldest go."
    )
    orphans_kept: int = Field(
        1000,
        gt=0,
        description="Replies kept without a known parent; the oldest of who sent most go.",
    )
    revisions_kept: int = Field(100, ge=0, description="Former texts kept of one post.")
    receipts_kept: int = Field(
        1_000_000,
        gt=0,
        description="Received activities remembered; the oldest of who sent most go.",
    )
    tombstones_kept: int = Field(
        1_000_000,
        gt=0,
        description="Deletions by others remembered; the oldest of who sent most go.",
    )
    keep_deleted: int = Field(
        30, ge=0, description="Days until what was deleted is erased as well; 0: at once."
    )
    keep_receipts: int = Field(
        30,
        ge=26,
        description="Days for which received activities are remembered; proofs count for 25.",
    )
    keep_tombstones: int = Field(
        90, gt=0, description="Days for which deletions by others are remembered."
    )
    keep_orphans: int = Field(7, gt=0, description="Days a reply waits for an unknown parent.")
    keep_reports: int = Field(90, gt=0, description="Days reports are kept.")
    keep_requests: int = Field(
        30, gt=0, description="Days a request for leave waits for a decision."
    )
    keep_deliveries: int = Field(30, gt=0, description="Days finished deliveries are kept.")
    keep_activities: int = Field(
        30, gt=0, description="Days activities are kept that no outbox lists."
    )
    keep_actors: int = Field(
        30, gt=0, description="Days an actor is kept that nothing here refers to."
    )
    keep_hosts: int = Field(90, gt=0, description="Days a host is kept that nothing refers to.")
    keep_tokens: int = Field(90, gt=0, description="Days a revoked token stays listed.")
    keep_unused_media: int = Field(
        30, gt=0, description="Days an uploaded picture is kept that stands nowhere."
    )
    keep_pictures: int = Field(
        30, gt=0, description="Days a picture of another server is kept after it was fetched."
    )
    backups_kept: int = Field(
        3, ge=1, description="Copies of the database from before upgrades that are kept."
    )
    keep_replaced: int = Field(
        30, gt=0, description="Days for which what a restore replaced is kept."
    )
    authorized_fetch: bool = Field(
        False, description="Give ActivityPub documents only to signed requests."
    )
    ancestor_limit: int = Field(10, ge=0, description="Unknown parents fetched above one reply.")
    forward_replies: bool = Field(
        True,
        description="Send replies that carry their writer's proof on to the blog's followers.",
    )
    forward_max_bytes: int = Field(
        65_536, gt=0, description="Largest reply that is sent on to the blog's followers."
    )
    forward_actor_rate: float = Field(
        2, gt=0, description="Replies and edits of one actor sent on a minute."
    )
    forward_actor_burst: int = Field(10, gt=0, description="At once, before that rate applies.")
    forwards_per_post: int = Field(
        60, gt=0, description="Replies and edits under one post sent on within an hour."
    )
    delivery_concurrency: int = Field(64, gt=0, description="Deliveries under way at once.")
    delivery_timeout: float = Field(10.0, gt=0, description="Seconds for one delivery.")
    delivery_attempts: int = Field(
        11, gt=0, description="Tries of one delivery: 11 in about three days, then one a day."
    )
    silent_days: int = Field(
        7,
        gt=0,
        description="Different days of silence after which nothing is sent to a host until it sends"
        " something.",
    )
    followers_asked: int = Field(
        200,
        ge=0,
        description="Followers an hour that are looked at; who has not been fetched for a week is"
        " asked again whether it still is, and where.",
    )
    disk_reserve: int = Field(
        64 << 20, ge=0, description="Free bytes in the data folder below which /readyz says no."
    )
    presence_seconds: float = Field(
        3.0,
        gt=0,
        description="PostgreSQL: seconds between a process's signs of life; four may be missing.",
    )
    slice_seconds: float = Field(
        0.03, gt=0, description="Longest that a slice of a long job keeps others from writing."
    )
    comment_levels: int = Field(
        8, gt=0, description="How deep comments are nested on pages; deeper ones stay there."
    )
    page_cache_bytes: int = Field(64 << 20, ge=0, description="Memory for cached pages; 0 is off.")
    remade_bytes: int = Field(
        2_000_000, gt=0, description="Bytes of pages a second made anew because there is news."
    )
    remade_wait: float = Field(
        5.0, ge=0, description="Seconds after which a page is made anew in any case."
    )
    comment_pictures: Literal["held", "shown"] = Field(
        "held",
        description="Pictures in remote comments: held until a moderator approves, or shown.",
    )
    page_bytes: int = Field(
        1 << 20, gt=0, description="Bytes of texts after which a page of a list ends."
    )
    thread_bytes: int = Field(
        256 << 10, gt=0, description="Bytes of comments after which a post's page of them ends."
    )
    nodeinfo_seconds: float = Field(
        300.0, ge=0, description="How long NodeInfo says the same figures."
    )
    page_size: int = Field(10, gt=0, description="Posts on a page of home, author and tag pages.")
    media_max_bytes: int = Field(20 << 20, gt=0, description="Largest uploaded file.")
    media_max_pixels: int = Field(50_000_000, gt=0, description="Most pixels of an upload.")
    media_max_side: int = Field(2400, gt=0, description="Longest side a picture is kept with.")

    connections_max: int = Field(2000, gt=0, description="Connections open at once.")
    connections_per_address: int = Field(
        200, gt=0, description="Connections of one client address (of IPv6 one /64)."
    )
    header_max_bytes: int = Field(32 << 10, gt=0, description="Longest head of a request: 431.")
    header_max_count: int = Field(100, gt=0, description="Most headers of a request: 431.")
    target_max_bytes: int = Field(8 << 10, gt=0, description="Longest target of a request: 414.")
    header_timeout: float = Field(10.0, gt=0, description="Seconds for a request's head.")
    body_timeout: float = Field(
        30.0, gt=0, description="Seconds for a request's body, and more by its size."
    )
    body_min_rate: float = Field(
        10_000.0, gt=0, description="Bytes of a body for which there is one more second."
    )
    bodies_max_bytes: int = Field(64 << 20, gt=0, description="Bytes of all bodies under way.")
    send_timeout: float = Field(
        60.0, gt=0, description="Seconds in which a peer must read something of an answer."
    )
    unsent_max_bytes: int = Field(32 << 20, gt=0, description="Bytes of all answers not yet read.")

    media_max_decoded: int = Field(
        320 << 20, gt=0, description="Bytes of memory that decoding an upload may take."
    )
    proxied_max_pixels: int = Field(
        20_000_000, gt=0, description="Most pixels of a picture in a remote comment."
    )
    proxied_max_decoded: int = Field(
        96 << 20, gt=0, description="Bytes of memory that decoding it may take."
    )
    face_max_bytes: int = Field(2 << 20, gt=0, description="Largest face or emoji fetched.")
    face_max_pixels: int = Field(12_000_000, gt=0, description="Most pixels of a face or emoji.")
    face_max_decoded: int = Field(
        32 << 20, gt=0, description="Bytes of memory that decoding one may take."
    )
    pictures_waiting: int = Field(64, gt=0, description="Pictures waiting to be decoded.")
    picture_timeout: float = Field(
        60.0, gt=0, description="Seconds of processor time for one picture."
    )

    @property
    def database(self) -> str:
        """The database's address: SQLite in the data folder where none is set."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'fedblog.sqlite3'}"

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a file, served by one process."""
        return self.database.startswith("sqlite:")

    @field_validator("*", mode="before")
    @classmethod
    def _no_number_from_a_truth(cls, value: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind in (int, float):  # true would be 1
            raise ValueError("takes a whole number" if kind is int else "takes a number")
        return value

    @field_validator("base_url")
    @classmethod
    def _base_url(cls, value: str) -> str:
        value = value.rstrip("/")
        parts = _split(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must begin with https:// (or http:// on a loopback host)")
        if parts.path or parts.query or parts.fragment or "@" in parts.netloc or parts.port == 0:
            raise ValueError("takes a scheme, a host and a port, no path, query or user")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("plain http is only for loopback hosts; use https://")
        port = {"http": 80, "https": 443}[parts.scheme]  # peers leave it out, so identifiers do
        return f"{parts.scheme}://{_host_and_port(parts, port)}"

    @field_validator("handle_host")
    @classmethod
    def _handle_host(cls, value: str) -> str:
        if any(character in value for character in "/@?#"):
            raise ValueError("takes a host name alone, such as example.org")
        return _host_and_port(_split(f"//{value}"), None) if value else ""

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "sqlite:///")):
            raise ValueError("must begin with postgresql:// or sqlite:///")
        return value

    @field_validator("listen")
    @classmethod
    def _listen(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if not colon or not host or not _PORT.fullmatch(port) or int(port) > 65535:
            raise ValueError("takes HOST:PORT, such as 127.0.0.1:8000")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _trusted_proxies(cls, value: str) -> str:
        listed = [item.strip() for item in value.split(",")]
        if "*" in listed and len(listed) > 1:
            raise ValueError("takes * alone, or addresses and networks")
        for item in listed:
            if item in ("", "*"):
                continue
            try:  # uvicorn would take all else for a name, and believe nobody
                ip_network(item) if "/" in item else ip_address(item)
            except ValueError as error:
                raise ValueError(
                    "takes addresses such as 127.0.0.1 and networks such as 10.0.0.0/8, "
                    f"separated by commas: {error}"
                ) from None
        return value

    @field_validator("name_servers")
    @classmethod
    def _name_servers(cls, value: str) -> str:
        listed = [item.strip() for item in value.split(",")] if value.strip() else []
        if not all(map(_is_address_with_port, listed)):  # every look-up would fail
            raise ValueError(
                "takes addresses such as 192.0.2.53, 192.0.2.53:53 or [2001:db8::53]:53, "
                "separated by commas"
            )
        return ",".join(listed)

    @field_validator("ca_file")
    @classmethod
    def _ca_file(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=value)
            except OSError:  # of which SSLError is one
                raise ValueError(
                    f"takes a file of certificates in PEM; {value} cannot be read as one"
                ) from None
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was said on the command line first, then the environment, then the file."""
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls, settings_cls.model_config.get("toml_file")),
        )


def _split(address: str) -> SplitResult:
    """The parts of *address*. Raises ValueError, with what it takes, where it has none."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        if "IPv6" in str(error) or "netloc" in str(error):
            raise ValueError("takes a host name or an address of digits in [ ]") from None
        raise ValueError("takes a port from 1 to 65535, such as :8000") from None
    return parts


def _is_address_with_port(text: str) -> bool:
    """Whether *text* is an IP address, with or without a port."""
    try:
        ip_address(text)
    except ValueError:
        host, _, port = text.rpartition(":")
        is_bracketed = host.startswith("[") and host.endswith("]")
        try:
            version = ip_address(host[1:-1] if is_bracketed else host).version
        except ValueError:
            return False
        is_port = _PORT.fullmatch(port) is not None and 0 < int(port) <= 65535
        return is_port and is_bracketed == (version == 6)
    return True


def _host_and_port(parts: SplitResult, usual_port: int | None) -> str:
    """Host and port of an address in the one form that every identifier has."""
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):
        try:
            host = f"[{ip_address(host)}]"
        except ValueError:
            raise ValueError("takes a host name in ASCII (xn--… for other letters)") from None
    return host if parts.port in (None, usual_port) else f"{host}:{parts.port}"


def is_loopback(host: str) -> bool:
    """Whether *host* (a name or an address) is this machine itself."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def load(config: Path | None = None, **overrides: Any) -> Settings:
    """The settings from *config* (or fedblog.toml here, where it exists) and the environment.

    *overrides* win over both; those that are None are left out. Raises SettingsError.
    """
    file = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    if file is not None and not file.is_file():
        raise SettingsError(f"there is no settings file {file}")

    class FileSettings(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    for name in sorted(os.environ):
        given_name = name.removeprefix(_PREFIX).lower()
        is_for_tests = given_name.startswith("test_")
        if name.startswith(_PREFIX) and not (is_for_tests or given_name in Settings.model_fields):
            log.warning("%s is no setting of this fedblog and does nothing", name)
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return FileSettings(**given)
    except ValidationError as error:
        raise SettingsError("; ".join(map(_sentence, error.errors()))) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{file}: is not in UTF-8") from None
    except ValueError as error:  # the TOML itself
        raise SettingsError(f"{file}: is no TOML: {error}") from None


def _sentence(error: ErrorDetails) -> str:
    name = ".".join(str(part) for part in error["loc"])
    return f"{name}: {sentence(error, unknown='is no setting of this fedblog')}"
