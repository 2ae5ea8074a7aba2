"""What an address of ours says by its form, and which addresses are ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedblog.domain.addresses import Addresses, LocalObject, comment_path

ID, OTHER = "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01BX5ZZKBKACTAV9WEVGEMMVRZ"
HERE = Addresses("https://blog.example.org", "blog", "example.org")
POST, PAGE = LocalObject("post", ID), LocalObject("page", "/2026/11/20/herons/")
BLOG = LocalObject("actor", "blog")

NAMED = {
    f"/ap/posts/{ID}": POST,
    f"/ap/posts/{ID}/": POST,
    f"/ap/posts/{ID}?x=/ap/blog#y": POST,
    f"/ap/posts/{ID}#/ap/blog": POST,
    f"//ap//posts/{ID}": POST,
    f"/%61p/posts/{ID}": POST,
    f"/ap/posts/{ID}#comment-{OTHER}": LocalObject("post", ID, OTHER),
    f"/ap/posts/{ID}#comment-x": POST,
    f"/ap/posts/{ID}#{OTHER}": POST,
    f"/ap/comments/{ID}/": LocalObject("comment", ID),
    f"/ap/comments/{ID}#comment-{OTHER}": LocalObject("comment", ID),
    f"/ap/activities/{ID}": LocalObject("activity", ID),
    f"/ap/authorizations/{ID}?x": LocalObject("authorization", ID),
    f"/ap/authors/{ID}#main-key": LocalObject("actor", ID),
    "/ap/instance": LocalObject("actor", "instance"),
    "/ap/readers/": LocalObject("actor", "readers"),
    "": BLOG,
    "/": BLOG,
    "?x": BLOG,
    "#y": BLOG,
    "/authors/blog": BLOG,
    "/@blog/": BLOG,
    "/authors/Ada/": LocalObject("author", "ada"),
    "/authors/%C3%A9mile/?page=2": LocalObject("author", "émile"),
    "/2026/11/20/herons": PAGE,
    "/2026/11/20/herons/?after=x#thoughts": PAGE,
    "/2026/11/20/h%65rons/": PAGE,
    f"/2026/11/20/herons/comments/{ID}/": LocalObject("page", PAGE.key, ID),
    f"/2026/11/20/herons/comments/{ID}#comment-{OTHER}": LocalObject("page", PAGE.key, ID),
    f"/2026/11/20/herons/#comment-{ID}": LocalObject("page", PAGE.key, ID),
    f"/2026/11/20/herons#comment%2D{ID}": LocalObject("page", PAGE.key, ID),
    "/2026/11/20/%E5%B1%B1/": LocalObject("page", "/2026/11/20/山/"),
    "/2026/11/20/山/": LocalObject("page", "/2026/11/20/山/"),
    "/2026/11/20/cafe\u0301/": LocalObject("page", "/2026/11/20/caf\u00e9/"),
    "/2026/11/20/cafe%CC%81/": LocalObject("page", "/2026/11/20/caf\u00e9/"),
    "/2026/11/\t20/her\nons/": PAGE,
    f"/ap/posts/{ID}/replies": None,
    f"/ap/posts/{ID.lower()}": None,
    "/ap/posts/x": None,
    "/ap/blog/followers": None,
    "/ap/inbox": None,
    "/ap": None,
    "/2026/%00": None,
    "/authors/a%01b/": None,
}
OURS = (
    "https://blog.example.org",
    "http://blog.example.org",
    "HTTPS://Blog.Example.ORG",
    "https://blog.example.org:443",
    "http://blog.example.org:80",
    "https://blog.example.org:",
    "https://blog.example.org.",
)
OTHERS = (
    "https://example.org",
    "https://blog.example.org.evil.example",
    "https://blog.example.organic",
    "https://blog.example.org:8443",
    "https://blog.example.org:80",
    "http://blog.example.org:443",
    "https://x@blog.example.org",
    "https://blog.example.org@evil.example",
    "https://evil.example\\@blog.example.org",
    "ftp://blog.example.org",
    "//blog.example.org",
    "blog.example.org",
    "https:blog.example.org",
    "https://xblog.example.org",
    "https://[blog.example.org",
)


def test_form_of_an_address_says_what_it_names() -> None:
    found = {rest: HERE.parse(f"{HERE.base_url}{rest}") for rest in NAMED}
    assert found == NAMED


def test_every_spelling_of_our_own_host_is_ours() -> None:
    for start in OURS:
        assert HERE.is_local(start), start
        assert HERE.parse(f"{start}/ap/posts/{ID}") == POST, start
        assert HERE.parse(f"{start}#x") == BLOG, start


def test_nothing_else_is_ours() -> None:
    for start in OTHERS:
        for rest in ("", "/", f"/ap/posts/{ID}"):
            assert not HERE.is_local(start + rest), start
            assert HERE.parse(start + rest) is None, start


def test_port_is_part_of_the_host() -> None:
    here = Addresses("http://localhost:8000")
    assert here.is_local("https://LOCALHOST:8000/x")
    assert here.is_local("http://[::1]:8000/") is False
    assert not here.is_local("http://localhost/x")
    assert not here.is_local("http://localhost:80000/x")
    six = Addresses("http://[::1]:8000")
    assert six.is_local("http://[::1]:8000/x")
    assert not six.is_local("http://[::1]/x")


def test_host_in_letters_and_in_ascii_is_the_same() -> None:
    for base in ("https://bücher.example", "https://xn--bcher-kva.example"):
        here = Addresses(base)
        for start in ("https://xn--bcher-kva.example", "http://BÜCHER.example:80"):
            assert here.parse(f"{start}/ap/posts/{ID}") == POST, (base, start)


def test_handle_is_an_address_of_an_actor() -> None:
    for handle in (
        "acct:blog@example.org",
        "ACCT:@Blog@blog.Example.org",
        "acct:%62log@example.org",
    ):
        assert HERE.parse(handle) == BLOG, handle
    assert HERE.parse("acct:ada@example.org") == LocalObject("author", "ada")
    for handle in (
        "acct:blog@far.example",
        "acct:@example.org",
        "acct:blog",
        "acct:a%00@example.org",
    ):
        assert HERE.parse(handle) is None, handle


def test_what_the_form_says_has_an_id() -> None:
    for uri in (HERE.actor("blog"), HERE.actor(ID), HERE.post(ID), HERE.comment(ID)):
        for spelled in (uri, f"{uri}/", f"{uri}?x#y"):
            named = HERE.parse(spelled)
            assert named is not None
            assert HERE.id_of(named) == uri
    for named in (PAGE, LocalObject("author", "ada"), LocalObject("post", ID, OTHER)):
        assert HERE.id_of(named) is None


@pytest.mark.parametrize("path", ["/2026/11/20/herons/", "/2019/herons.html", "/2026/11/20/山/"])
def test_page_of_a_comment_is_read_again(path: str) -> None:
    named = HERE.parse(HERE.comment_page(path, ID))
    assert named == LocalObject("page", f"{path.rstrip('/')}/", ID)
    assert comment_path(path, ID) == f"{path.rstrip('/')}/comments/{ID}/"


@given(st.text(max_size=200))
def test_nothing_that_is_given_for_an_address_breaks_the_reading(text: str) -> None:
    for uri in (text, f"https://{text}", f"https://blog.example.org{text}", f"acct:{text}"):
        HERE.parse(uri)
        HERE.is_local(uri)
