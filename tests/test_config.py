"""The files in config/ hold what the code holds."""

import configparser
import itertools
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined
from support.waiting import PATIENCE

from fedblog.settings import Settings, SettingsError, load

CONFIG = Path(__file__).parents[1] / "config"
EXAMPLE = CONFIG / "fedblog.example.toml"
_LINE = re.compile(r"^(?P<off># )?(?P<name>[a-z_]+) = (?P<value>.+)$")


def test_example_settings_load() -> None:
    assert load(EXAMPLE).base_url == "http://localhost:8000"


def test_example_names_every_setting_once_and_no_other() -> None:
    matches = [_LINE.match(line) for line in EXAMPLE.read_text().splitlines()]
    names = [match["name"] for match in matches if match]
    assert sorted(names) == sorted(Settings.model_fields)


def test_example_holds_the_defaults() -> None:
    given = tomllib.loads(EXAMPLE.read_text())
    for name, field in Settings.model_fields.items():
        assert field.default is not PydanticUndefined, f"{name} has no default"
        if field.default is None:
            assert name not in given, f"{name} is off by default: leave it as a comment"
        else:
            assert given[name] == type(given[name])(field.default), name


def test_every_setting_of_the_example_is_explained_above_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for above, line in itertools.pairwise(lines):
        if _LINE.match(line):
            assert above.startswith("# "), line


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Blog.Example.org/", "https://blog.example.org"),
        ("https://blog.example.org:443", "https://blog.example.org"),
        ("http://localhost:80", "http://localhost"),
        ("https://blog.example.org:8443", "https://blog.example.org:8443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_base_url_has_one_form(given: str, kept: str) -> None:
    assert load(base_url=given).base_url == kept


@pytest.mark.parametrize(
    "listed",
    [
        "10.0.0.1/8",
        "127.0.0.1, fd00::1/8",
        "*, 127.0.0.1",
        "localhost",
        "127.0.0.999",
        "127.0.0.1:80",
        "[::1]",
    ],
)
def test_trusted_proxies_that_nobody_would_be_are_refused(listed: str) -> None:
    with pytest.raises(SettingsError, match="trusted_proxies"):
        load(trusted_proxies=listed)
    assert load(trusted_proxies="10.0.0.0/8, fd00::/8, 192.0.2.1").trusted_proxies
    assert load(trusted_proxies="*").trusted_proxies == "*"
    assert load(trusted_proxies="").trusted_proxies == ""


@pytest.mark.parametrize("listed", ["ns.example", "a b", "192.0.2.1:99999", "::1:x", "[::1", ","])
def test_name_servers_that_are_no_addresses_are_refused(listed: str) -> None:
    with pytest.raises(SettingsError, match="name_servers: takes addresses"):
        load(name_servers=listed)
    several = load(name_servers="192.0.2.1, 192.0.2.2:5353, ::1, [::1]:53")
    assert several.name_servers == "192.0.2.1,192.0.2.2:5353,::1,[::1]:53"


@pytest.mark.parametrize("setting", ["page_size", "inbox_timeout"])
def test_true_is_no_number(setting: str, tmp_path: Path) -> None:
    file = tmp_path / "fedblog.toml"
    file.write_text(f"{setting} = true\n")
    with pytest.raises(SettingsError, match=f"{setting}: takes a (whole )?number"):
        load(file)


def test_authority_that_cannot_be_read_is_refused_at_the_start(tmp_path: Path) -> None:
    no_certificate = tmp_path / "ca.pem"
    no_certificate.write_text("none")
    for given in (no_certificate, tmp_path / "missing.pem", tmp_path):
        with pytest.raises(SettingsError, match="ca_file: takes a file of certificates in PEM"):
            load(ca_file=given)


@pytest.mark.parametrize(
    "host", ["exa mple.org", "exa<mple.org", "bücher.example", "a..b", "-a.example", "[::x]"]
)
def test_what_is_no_host_name_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match="base_url"):
        load(base_url=f"https://{host}")
    with pytest.raises(SettingsError, match="handle_host"):
        load(handle_host=host)


def test_variable_that_is_no_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("FEDBLOG_BASE_ULR", "https://blog.example.org")
    monkeypatch.setenv("FEDBLOG_LISTEN", "127.0.0.1:8001")
    assert load().listen == "127.0.0.1:8001"
    assert [record.args for record in caplog.records] == [("FEDBLOG_BASE_ULR",)]


def test_caddy_takes_bodies_as_large_as_an_upload() -> None:
    found = re.search(r"max_size (\d+)MB", (CONFIG / "Caddyfile").read_text())
    assert found is not None
    limit = int(found[1]) * 1_000_000
    assert Settings.model_fields["media_max_bytes"].default < limit


def test_caddy_forwards_to_the_default_address() -> None:
    listen = Settings.model_fields["listen"].default
    targets = set(re.findall(r"reverse_proxy (\S+)", (CONFIG / "Caddyfile").read_text()))
    assert targets == {listen}


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")
def test_caddyfile_is_valid(tmp_path: Path) -> None:
    result = subprocess.run(
        ["caddy", "validate", "--config", CONFIG / "Caddyfile", "--adapter", "caddyfile"],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stderr
    assert "not formatted" not in result.stderr


def test_systemd_unit_keeps_data_where_it_may_write() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(CONFIG / "fedblog.service")
    service = unit["Service"]
    folder = f"/var/lib/{service['StateDirectory']}"
    assert service["WorkingDirectory"] == folder
    assert service["Environment"] == f"FEDBLOG_DATA_DIR={folder}"
    assert " serve " in service["ExecStart"]
