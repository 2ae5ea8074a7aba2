"""Collections and their pages, as JSON."""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

EMBEDDED_REPLIES = 50
"""How many answers an object carries with it; the rest stand on further pages."""


def ordered_collection(id_: str, total: int, *, first: str | None = None) -> Json:
    """An OrderedCollection of *total* items whose pages begin at *first*."""
    item: Json = {"id": id_, "type": "OrderedCollection", "totalItems": total}
    if first is not None:
        item["first"] = first
    return item


def ordered_collection_page(
    id_: str, part_of: str, items: Sequence[Any], *, next_page: str | None = None
) -> Json:
    """A page of an OrderedCollection."""
    return _page("OrderedCollectionPage", id_, part_of, "orderedItems", items, next_page)


def collection(id_: str, total: int, *, first: Json | str | None = None) -> Json:
    """A Collection of *total* items; *first* is its first page or that page's address."""
    item: Json = {"id": id_, "type": "Collection", "totalItems": total}
    if first is not None:
        item["first"] = first
    return item


def collection_page(
    id_: str, part_of: str, items: Sequence[Any], *, next_page: str | None = None
) -> Json:
    """A page of a Collection."""
    return _page("CollectionPage", id_, part_of, "items", items, next_page)


def _page(
    type_: str, id_: str, part_of: str, name: str, items: Sequence[Any], next_page: str | None
) -> Json:
    page: Json = {"id": id_, "type": type_, "partOf": part_of, name: list(items)}
    if next_page is not None:
        page["next"] = next_page
    return page


def total_of(id_: str, total: int) -> Json:
    """A collection given by its size alone: how peers read the number of likes and boosts."""
    return {"id": id_, "type": "Collection", "totalItems": total}


def replies(id_: str, total: int, uris: Sequence[str], *, next_cursor: str | None = None) -> Json:
    """A collection of answers with its first page embedded, so that nobody need ask for it.

    *uris* are the first answers; where there are more, their page begins after *next_cursor*.
    Where none are given although there are some, ``first`` is the address of their page.
    """
    if total and not uris:
        return collection(id_, total, first=f"{id_}?page=1")
    more = None if next_cursor is None else f"{id_}?cursor={next_cursor}"
    first = collection_page(f"{id_}?page=1", id_, uris, next_page=more)
    return collection(id_, total, first=first)
