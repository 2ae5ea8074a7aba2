"""Collections and their pages: JSON to Collection."""

from fedblog.activitystreams import values
from fedblog.activitystreams.documents import Collection
from fedblog.activitystreams.errors import MissingTypeError, UnexpectedTypeError
from fedblog.activitystreams.values import Document
from fedblog.activitystreams.vocabulary import COLLECTION_TYPES


def read_collection(document: Document) -> Collection:
    """The collection or page in *document*; items are given by their ids.

    Raises MissingTypeError and, for what is no collection, UnexpectedTypeError.
    """
    type_ = values.type_of(document)
    if not type_:
        raise MissingTypeError("there is no usable 'type'")
    if type_ not in COLLECTION_TYPES:
        raise UnexpectedTypeError(type_, "collection")
    first = document.get("first")
    first_page = None
    if type(first) is dict and values.type_of(first) in COLLECTION_TYPES:
        first_page = _page(first)
    return _page(document, None if first_page else _address(first), first_page)


def _page(
    document: Document, first: str | None = None, first_page: Collection | None = None
) -> Collection:
    ordered = document.get("orderedItems")
    return Collection(
        id=values.uri(document.get("id")),
        type=values.type_of(document),
        items=values.uris(ordered if ordered is not None else document.get("items")),
        total_items=values.count(document.get("totalItems")),
        first=first,
        first_page=first_page,
        next=_address(document.get("next")),
        part_of=values.uri(document.get("partOf")),
    )


def _address(value: object) -> str | None:
    """A page to fetch: its address, also where it stands as a Link."""
    if isinstance(value, dict) and values.type_of(value) not in COLLECTION_TYPES | {"Link"}:
        return None
    return values.uri(value)
