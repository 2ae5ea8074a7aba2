"""Whether a form was sent from a page of this blog (Sec-Fetch-Site, else Origin)."""

from starlette.requests import Request

_OURS = frozenset({"same-origin", "none"})


def is_from_here(request: Request, base_url: str) -> bool:
    """Whether *request* comes from a page of ours.

    Pages are the same for everyone, so a form carries no token; every browser says with a POST
    where it comes from. A request that says nothing is not taken for ours.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in _OURS
    return request.headers.get("origin") == base_url
