"""Pages as trees, read by the standard library's HTML parser; and readers who ask for them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx

from fedblog.web.cache import PageCache

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


@dataclass
class Element:
    """One element of a page."""

    name: str
    attributes: dict[str, str]
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What a reader sees of it, spaces made one."""
        return " ".join(self._text().split())

    def _text(self) -> str:
        return "".join(
            child if isinstance(child, str) else child._text() for child in self.children
        )

    def all(self, tag: str = "", /, **attributes: str) -> list["Element"]:
        """The elements below it of this name; ``class_`` asks for one of the classes."""
        found = []
        stack: list[Element | str] = list(reversed(self.children))
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                continue
            if (not tag or item.name == tag) and item._has(attributes):
                found.append(item)
            stack.extend(reversed(item.children))
        return found

    def one(self, tag: str = "", /, **attributes: str) -> "Element":
        """The only such element."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, (tag, attributes, len(found))
        return found[0]

    def _has(self, wanted: dict[str, str]) -> bool:
        for key, value in wanted.items():
            if key == "class_":
                if value not in self.attributes.get("class", "").split():
                    return False
            elif self.attributes.get(key.replace("_", "-")) != value:
                return False
        return True


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.stack = [self.root]
        self.problems: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.stack[-1].children.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.stack[-1].name == tag:
            self.stack.pop()
        else:
            self.problems.append(f"</{tag}> ends <{self.stack[-1].name}>")

    def handle_data(self, data: str) -> None:
        self.stack[-1].children.append(data)


def parse(html: str) -> Element:
    """A page as a tree; it must be well formed."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.problems == []
    assert len(reader.stack) == 1
    return reader.root


@dataclass
class Readers:
    """Readers of the site."""

    http: httpx.AsyncClient
    cache: PageCache

    async def get(self, path: str, accept: str = BROWSER, **headers: str) -> httpx.Response:
        """An address, as a browser asks for it."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.get(path, headers={"accept": accept, **named})

    async def page(self, path: str, status: int = 200) -> Element:
        """A page as a tree."""
        response = await self.get(path)
        assert response.status_code == status, (path, response.status_code)
        assert response.headers["content-type"] == "text/html; charset=utf-8"
        return parse(response.text)
