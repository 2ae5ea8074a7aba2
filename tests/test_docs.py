"""The docs hold what the code holds, and the other way round."""

import ast
import asyncio
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from starlette.routing import Route

from fedblog.activitystreams.feps import FEPS, Fep
from fedblog.api.endpoint import Endpoint
from fedblog.cli import app
from fedblog.settings import Settings
from fedblog.storage import migrate
from fedblog.storage.tables import metadata
from fedblog.text.sanitise import AUTHOR_CLASSES, AUTHOR_ELEMENTS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
SOURCES = sorted((ROOT / "fedblog").rglob("*.py"))
_FEP = re.compile(r"FEP-[0-9a-f]{4}")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_API_HEADING = re.compile(r"^### (GET|POST|PATCH|PUT|DELETE) (/\S+)$", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text()


def section(text: str, heading: str) -> str:
    """What stands under *heading*, up to the next of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    _, _, rest = text.partition(f"\n{heading}\n")
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


# Settings


def test_every_setting_stands_in_the_docs_with_its_variable_and_default() -> None:
    rows = re.findall(
        r"^\| `([a-z_]+)` \| `(FEDBLOG_[A-Z_]+)` \| (\S+) \| .+ \|$",
        read("docs/settings.md"),
        re.MULTILINE,
    )
    found = {name: (variable, default) for name, variable, default in rows}
    expected = {
        name: (f"FEDBLOG_{name.upper()}", written_default(field.default))
        for name, field in Settings.model_fields.items()
    }
    assert found == expected


def written_default(value: object) -> str:
    if value is None:
        return "none"
    if value == "":
        return "empty"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


def test_no_page_names_a_variable_that_is_read_nowhere() -> None:
    of_tests = [ROOT / "tests/conftest.py", *ROOT.glob("tests/*/*.py")]
    code = "".join(file.read_text() for file in [*SOURCES, *of_tests])
    known = {f"FEDBLOG_{name.upper()}" for name in Settings.model_fields}
    for page in PAGES:
        for variable in set(re.findall(r"\bFEDBLOG_[A-Z_]+\b", page.read_text())) - known:
            assert variable in code, f"{page.name} names {variable}"


# What is kept


def kept() -> dict[str, list[str]]:
    """The rows about tables in docs/operations.md: bound, rate and term of each."""
    text = section(read("docs/operations.md"), "## What is kept, and for how long")
    first, _, _ = text.partition("| in the data folder |")
    found = {}
    for row in re.findall(r"^\| (`.+) \|$", first, re.MULTILINE):
        names, *columns = row.split(" | ")
        found |= dict.fromkeys(re.findall(r"`(\w+)`", names), columns)
    return found


def test_every_table_has_a_bound_a_rate_and_a_term_in_the_docs_and_no_other() -> None:
    rows = kept()
    assert sorted(rows) == sorted(metadata.tables)
    for name, columns in rows.items():
        assert len(columns) == 3, name
        assert all(column.strip() for column in columns), name
    assert all(rows[name][0] not in ("", "—") and rows[name][2] not in ("", "—") for name in rows)


def test_every_setting_of_what_is_kept_stands_in_that_table_and_every_name_there_is_one() -> None:
    text = section(read("docs/operations.md"), "## What is kept, and for how long")
    named = set(re.findall(r"`([a-z_]+)`", text)) - set(metadata.tables)
    assert named <= set(Settings.model_fields)
    pattern = re.compile(r"keep_\w+|\w+_kept|\w+_per_(actor|host|person)")
    assert {name for name in Settings.model_fields if pattern.fullmatch(name)} <= named


def test_every_folder_of_the_cache_stands_in_that_table() -> None:
    text = section(read("docs/operations.md"), "## What is kept, and for how long")
    found = set()
    for file in SOURCES:
        found |= set(re.findall(r'cache" / "(\w+)"|cache / "(\w+)"', file.read_text()))
    folders = {first or second for first, second in found}
    assert folders == set(re.findall(r"`cache/(\w+)/`", text))


# Running it


def test_manual_sets_the_blog_up_before_it_starts_the_service_and_leaves_no_gap() -> None:
    text = read("docs/operations.md")
    shell = "".join(code for kind, code in _FENCE.findall(text) if kind == "sh")
    assert shell.index("fedblog init") < shell.index("systemctl enable --now fedblog")
    gaps = set(re.findall(r"\b[A-Z]{4,}\b", shell)) - {"NAME", "FILE"}
    assert gaps == set()


# Commands


def commands() -> dict[str, tuple[set[str], set[str]]]:
    """Each command with the names of its options and of its arguments."""
    found: dict[str, tuple[set[str], set[str]]] = {}

    def walk(command: object, words: list[str]) -> None:
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, [*words, name])
        options: set[str] = set()
        arguments: set[str] = set()
        for parameter in getattr(command, "params", []):
            if parameter.param_type_name == "option":
                options |= {name for name in parameter.opts if name.startswith("--")}
            else:
                arguments.add(parameter.name.upper())
        if not hasattr(command, "commands") or len(words) == 1:
            found[" ".join(words)] = (options, arguments)

    walk(typer.main.get_command(app), ["fedblog"])
    return found


def test_every_command_has_a_section_and_no_other() -> None:
    headings = re.findall(r"^## (fedblog.*)$", read("docs/commands.md"), re.MULTILINE)
    assert sorted(headings) == sorted(commands())


@pytest.mark.parametrize("command", commands())
def test_every_option_of_a_command_is_explained_and_no_other(command: str) -> None:
    options, arguments = commands()[command]
    text = section(read("docs/commands.md"), f"## {command}")
    assert set(re.findall(r"^- `(--[a-z-]+)", text, re.MULTILINE)) - {"--help"} == options
    assert set(re.findall(r"^- `([A-Z]+)`", text, re.MULTILINE)) == arguments


def test_commands_in_examples_exist() -> None:
    known = commands()
    for page in PAGES:
        for _, block in _FENCE.findall(page.read_text()):
            joined = block.replace("\\\n", " ")
            for line in re.findall(r"(?:^|/|&& |\$\()fedblog ([a-z][^\n)]*)", joined, re.MULTILINE):
                words = line.split()
                two, one = f"fedblog {' '.join(words[:2])}", f"fedblog {words[0]}"
                command = two if two in known else one
                assert command in known, f"{page.name}: fedblog {line}"
                given = {word.partition("=")[0] for word in words if word.startswith("--")}
                assert given <= known[command][0], f"{page.name}: fedblog {line}"


# Addresses


@pytest.fixture
async def routes(settings: Settings) -> list[Route]:
    from fedblog.app import all_routes, open_site
    from fedblog.endpoints.inbox import Inbox
    from fedblog.federation.batch import Batcher
    from fedblog.federation.blocklist import Blocklist
    from fedblog.federation.receiving import Receiver

    await asyncio.to_thread(migrate.upgrade, settings.database)
    async with open_site(settings) as site:
        blocklist = Blocklist(site.store, site.blog_id)
        batcher = Batcher(site.store, site.addresses, site.blog_id)
        inbox = Inbox(site, Receiver(site, batcher, blocklist))
        return [route for route in all_routes(site, inbox) if isinstance(route, Route)]


def in_docs(path: str) -> str:
    return re.sub(r"\{(\w+):\w+\}", r"{\1}", path)


async def test_every_address_stands_in_the_docs_and_no_other(routes: list[Route]) -> None:
    real = {in_docs(route.path) for route in routes if not in_docs(route.path).startswith("/api")}
    written = {
        path
        for row in re.findall(r"^\| (`/.*?) \| ", read("docs/routes.md"), re.MULTILINE)
        for path in re.findall(r"`(/[^`]*)`", row)
    }
    assert written == real


async def test_every_request_of_the_api_stands_in_the_docs_and_no_other(
    routes: list[Route],
) -> None:
    real = {
        (method, in_docs(route.path))
        for route in routes
        if isinstance(route.endpoint, Endpoint)
        for method in route.endpoint._handlers
        if method != "HEAD"
    }
    assert set(_API_HEADING.findall(read("docs/api.md"))) == real


SHAPES = [
    ("posts.py", "post_json", "POST /api/v1/posts"),
    ("media.py", "media_json", "POST /api/v1/media"),
    ("comments.py", "comment_json", "GET /api/v1/posts/{id}/comments"),
    ("network.py", "_follower_json", "GET /api/v1/followers"),
    ("network.py", "_delivery_json", "GET /api/v1/deliveries"),
    ("network.py", "_report_json", "GET /api/v1/reports"),
    ("authorizations.py", "_authorization_json", "GET /api/v1/authorizations"),
]


@pytest.mark.parametrize(("module", "function", "request_line"), SHAPES)
def test_example_answers_have_the_fields_that_the_api_writes(
    module: str, function: str, request_line: str
) -> None:
    tree = ast.parse((ROOT / "fedblog/api" / module).read_text())
    (found,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function]
    answer = next(node.value for node in ast.walk(found) if isinstance(node, ast.Return))
    assert isinstance(answer, ast.Dict)
    written = [key.value for key in answer.keys if isinstance(key, ast.Constant)]
    blocks = _FENCE.findall(section(read("docs/api.md"), f"### {request_line}"))
    example = json.loads(next(block for language, block in blocks if language == "json"))
    if set(example) == {"items", "next"}:
        example = example["items"][0]
    assert list(example) == written


def test_examples_of_json_can_be_read() -> None:
    count = 0
    for page in PAGES:
        for language, block in _FENCE.findall(page.read_text()):
            if language == "json":
                json.loads(block)
                count += 1
            elif language == "toml":
                tomllib.loads(block)
    assert count > 5


# Federation


def test_list_of_feps_is_that_of_the_registry() -> None:
    supported = section(read("FEDERATION.md"), "## Supported FEPs")
    assert supported.strip().splitlines() == [
        f"- [FEP-{fep.number}]({fep.url}): {fep.does}" for fep in FEPS
    ]
    assert [fep.number for fep in FEPS[1:]] == sorted(fep.number for fep in FEPS[1:])


def test_every_deviation_from_a_fep_stands_in_federation_md_and_no_other() -> None:
    deviations = section(read("FEDERATION.md"), "## Deviations")
    rows = re.findall(r"^\| FEP-(\w{4}) \| (.+) \|$", deviations, re.MULTILINE)
    assert rows == [(fep.number, fep.deviates) for fep in FEPS if fep.deviates]


def test_every_fep_in_the_code_is_in_the_registry_and_no_other() -> None:
    registry = ROOT / "fedblog/activitystreams/feps.py"
    others = [file for file in SOURCES if file != registry]
    named = {fep for file in others for fep in _FEP.findall(file.read_text())}
    # FEP-67ff is the form of FEDERATION.md itself.
    assert {f"FEP-{fep.number}" for fep in FEPS} == named | {"FEP-67ff"}


@pytest.mark.parametrize("fep", FEPS[1:], ids=lambda fep: fep.number)
def test_module_of_a_fep_names_it_in_a_docstring(fep: Fep) -> None:
    for name in fep.where:
        tree = ast.parse((ROOT / "fedblog" / name).read_text())
        strings = [
            node.value.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        ]
        assert any(f"FEP-{fep.number}" in text for text in strings), name


def test_links_to_feps_lead_to_the_fep_they_name() -> None:
    links = re.findall(r"\[FEP-(\w{4})\]\(\S+/fep/(\w{4})/fep-(\w{4})\.md\)", read("FEDERATION.md"))
    assert links
    for name, folder, file in links:
        assert name == folder == file


def test_every_activity_that_is_handled_stands_in_federation_md_and_no_other() -> None:
    from fedblog.federation.handlers import HANDLERS

    table = section(read("FEDERATION.md"), "## Activities received")
    cells = " ".join(re.findall(r"^\| (`.*?) \| ", table, re.MULTILINE))
    written = {
        word
        for name in re.findall(r"`([A-Za-z()]+)`", cells)
        for word in re.split(r"[()]", name)
        if word
    }
    assert written == set(HANDLERS)


# Writing


def test_every_class_an_author_may_use_is_explained() -> None:
    text = read("docs/writing.md")
    rows = re.findall(r"^\| (`.*?) \| (.*?) \| ", text, re.MULTILINE)
    written = {
        (element, name)
        for names, elements in rows
        for name in re.findall(r"`([^`]+)`", names)
        for element in re.findall(r"`([^`]+)`", elements)
    }
    # Markdown makes these by itself.
    by_markdown = re.compile(r"footnote|align-")
    allowed = {
        (element, name)
        for element, names in AUTHOR_CLASSES.items()
        for name in names
        if not by_markdown.match(name)
    }
    assert written == allowed | {("code", "language-…")}


def test_every_element_an_author_may_use_is_named() -> None:
    paragraph = re.search(r"^Elements: (.*?)\. `h1`", read("docs/writing.md"), re.S | re.M)
    assert paragraph is not None
    assert set(re.findall(r"`(\w+)`", paragraph[1])) == AUTHOR_ELEMENTS


# The pages themselves


def test_ci_runs_the_test_command_of_the_readme() -> None:
    (command,) = [line for line in read("README.md").splitlines() if "'.[test]'" in line]
    assert command == (
        "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/pytest"
    )
    assert f"\n\t{command}\n" in read(".ci/run")


def test_readme_has_the_demo_in_a_single_line() -> None:
    assert (
        "\npython3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/fedblog demo\n"
        in read("README.md")
    )


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            if not target.startswith(("http://", "https://", "mailto:", "#", "/")):
                yield page, target


def test_links_between_pages_lead_somewhere() -> None:
    for page, target in links():
        assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


def test_every_page_of_the_docs_is_linked_from_another() -> None:
    linked = {(page.parent / target.partition("#")[0]).resolve() for page, target in links()}
    for page in DOCS.glob("*.md"):
        assert page in linked, page.name


def test_every_decision_is_numbered_and_says_what_follows_from_it() -> None:
    numbers = []
    for page in sorted((DOCS / "decisions").glob("*.md")):
        number = int(page.name.partition("-")[0])
        text = page.read_text()
        assert text.startswith(f"# {number}. ")
        for part in ("**Context.**", "**Decision.**", "**Consequences.**"):
            assert part in text
        numbers.append(number)
    assert numbers == list(range(1, len(numbers) + 1))


def test_modules_named_in_the_architecture_exist() -> None:
    names = {file.name for file in (ROOT / "fedblog").rglob("*.py")}
    for name in re.findall(r"`(?:\w+/)*(\w+\.py)`", read("docs/architecture.md")):
        assert name in names, name


def test_security_cases_are_tested_by_their_number() -> None:
    names = {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    promised = range(1, 40)
    missing = [n for n in promised if not any(re.match(rf"test_s0?{n}_", name) for name in names)]
    assert not missing


def test_every_security_case_says_what_came_of_it() -> None:
    rows = re.findall(r"^\| S(\d+) \| .+ \| .+ \|$", read("docs/security.md"), re.MULTILINE)
    assert [int(number) for number in rows] == list(range(1, 40))
