"""The inputs of fediverse-pasture-inputs: docs/interop.md says what a reader sees of each."""

import os
import re
from pathlib import Path

from support.inputs import Input, inputs, seen, walk
from support.outcomes import verdict
from support.pages import Element, Readers
from support.world import World

PAGE = Path(__file__).parents[2] / "docs" / "interop.md"
BEGIN, END = "<!-- inputs -->\n", "<!-- end of inputs -->\n"


async def what_a_reader_sees(
    world: World, readers: Readers, example: Input
) -> tuple[str, Element | None]:
    """The cell of the table, and the comment as it stands on the page."""
    post = await world.post()
    uri = world.site.addresses.post(post.id)
    reply = example.answering(uri)
    found = await verdict(world.site, uri, reply, as_it_stands=True)
    page = await readers.page(post.path or "")
    if found.outcome != "comment":
        return found.outcome, None
    comment = page.one("article", id=f"comment-{found.comment}")
    return seen(comment), comment


async def test_the_table_of_inputs_says_what_a_reader_sees(world: World, readers: Readers) -> None:
    rows = ["| input | | what a reader sees |\n", "|---|---|---|\n"]
    for example in inputs():
        cell, comment = await what_a_reader_sees(world, readers, example)
        rows.append(f"| {example.title} | {example.number} | {cell} |\n")
        if comment is not None:
            assert_harmless(comment)
    table = "".join(rows)
    text = PAGE.read_text()
    if os.environ.get("FEDBLOG_TEST_WRITE_DOCS") == "1":
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}{table}{END}{after}")
        text = PAGE.read_text()
    written = text.split(BEGIN)[1].split(END)[0]
    assert written.splitlines() == table.splitlines()


def assert_harmless(comment: Element) -> None:
    """Nothing runs, and nothing is loaded from elsewhere (S25)."""
    for element in walk(comment):
        assert element.name not in ("script", "style", "iframe", "object", "embed", "svg", "form")
        for name, value in element.attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name == "src":
                assert value.startswith(("/proxy/", "/media/"))
            if name == "href":
                assert re.match(r"https?://|/|#|mailto:", value), value


def test_every_input_stands_in_the_table_and_nothing_else() -> None:
    table = PAGE.read_text().split(BEGIN)[1].split(END)[0]
    rows = re.findall(r"^\| (.+?) \| (\d+) \| .+ \|$", table, re.MULTILINE)
    assert rows == [(example.title, str(example.number)) for example in inputs()]
