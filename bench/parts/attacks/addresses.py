"""GETs that would each have a page made anew, if a page were what its address is written like."""

from parts.attacks.stage import Kind, Stage, answered

_PAGE = {"Accept": "text/html"}


def _get(stage: Stage, path: str, **headers: str) -> bytes:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return stage.request(b"", _PAGE | named, "GET", path)


def _unknown_keys(stage: Stage, number: int) -> bytes:
    return _get(stage, f"{stage.pages[number % len(stage.pages)]}?k{number}=1&utm_source={number}")


def _many_keys(stage: Stage, number: int) -> bytes:
    return _get(stage, f"/?{number}=" + "&k=1" * 1900)


def _absurd_pages(stage: Stage, number: int) -> bytes:
    return _get(stage, f"/?page={number}x")


def _accepts(stage: Stage, number: int) -> bytes:
    return _get(stage, "/", Accept=f"application/json;v={number}, text/html;q=0.{number}")


def _long_accepts(stage: Stage, number: int) -> bytes:
    return _get(stage, "/", Accept=f"a/{number}," + "application/activity+json;q=0," * 900)


def _objects_at_pages(stage: Stage, number: int) -> bytes:
    accept = f'application/ld+json; profile="{number}"'
    return _get(stage, stage.pages[number % len(stage.pages)], Accept=accept)


def _cookies(stage: Stage, number: int) -> bytes:
    made_up = f"fedblog_session={number}"
    return _get(stage, "/", Cookie=made_up, Authorization=f"Bearer {number}")


def _fingers(stage: Stage, number: int) -> bytes:
    name = "".join(f"%{ord(one):02x}" if number >> at & 1 else one for at, one in enumerate("blog"))
    query = f"resource=acct:{name}@{stage.host}&rel=r{number}&x={number}"
    return _get(stage, f"/.well-known/webfinger?{query}")


def _nothing(stage: Stage, number: int) -> bytes:
    return _get(stage, f"/2026/01/01/nothing-{number}/")


KINDS = [
    Kind("unknown query keys", _unknown_keys, answered(200)),
    Kind("many query keys", _many_keys, answered(200)),
    Kind("absurd page numbers", _absurd_pages, answered(404)),
    Kind("spellings of Accept", _accepts, answered(200)),
    Kind("long Accept", _long_accepts, answered(200)),
    Kind("objects at pages", _objects_at_pages, answered(200)),
    Kind("made-up cookies", _cookies, answered(200)),
    Kind("spellings of a name", _fingers, answered(200)),
    Kind("addresses of nothing", _nothing, answered(404)),
]
