"""From an address that was given out here to the object it means.

One function for all who meet addresses: the inbox, pages and what they answer to other servers,
the forms that lead to a reader's own server, the doctor.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from fedblog.domain.addresses import Addresses, LocalObject
from fedblog.storage.lists import ListStatement
from fedblog.storage.tables import activities, authors, comments, permalinks, posts
from fedblog.text.letters import lowered

_POSTS = ListStatement(
    lambda listed: select(posts.c.path, posts.c.id).where(
        listed(posts.c.path), posts.c.blog_id == bindparam("blog_id")
    )
)
_FORMER_POSTS = ListStatement(
    lambda listed: select(permalinks.c.path, permalinks.c.post_id.label("id")).where(
        listed(permalinks.c.path), permalinks.c.blog_id == bindparam("blog_id")
    )
)
_COMMENTS = ListStatement(
    lambda listed: select(comments.c.id, comments.c.uri, comments.c.post_id).where(
        listed(comments.c.id), comments.c.blog_id == bindparam("blog_id")
    )
)
_AUTHORS = ListStatement(
    lambda listed: select(authors.c.handle, authors.c.id).where(
        listed(authors.c.handle), authors.c.blog_id == bindparam("blog_id")
    )
)

_ACTIVITIES = ListStatement(
    lambda listed: select(activities.c.id, activities.c.object_uri).where(
        listed(activities.c.id),
        activities.c.blog_id == bindparam("blog_id"),
        activities.c.is_public,
        activities.c.type.in_(("Create", "Update", "Announce")),
    )
)


@dataclass(frozen=True, slots=True)
class Found:
    """What an address means: *kind* is actor, post, comment, activity or authorization, *key* its
    id here (an actor's owner key), *uri* its ActivityPub id: of a comment from elsewhere that of
    its own server."""

    kind: str
    key: str
    uri: str


def resolve(
    connection: Connection, addresses: Addresses, blog_id: int, uris: Iterable[str]
) -> dict[str, Found]:
    """What those of *uris* mean that are addresses of objects of this blog, whatever their state:
    ids, pages, former pages, pages of comments and of authors, in every spelling that
    `Addresses.parse` reads. One query for each kind that needs one.

    What an id alone names is not looked for (it may be missing); comments, pages and names are. The
    page of a comment names it only below its own post. An activity that brought a post or comment
    means that.
    """
    read = {uri: named for uri in uris if (named := addresses.parse(uri)) is not None}
    if not read:
        return {}
    brought = _brought(connection, addresses, blog_id, read.values())
    read = {uri: brought.get(named, named) for uri, named in read.items()}
    pages = _pages(connection, blog_id, {one.key for one in read.values() if one.kind == "page"})
    wanted = {one.comment for one in read.values()} - {""}
    wanted |= {one.key for one in read.values() if one.kind == "comment"}
    below = {row.id: row for row in _COMMENTS.run(connection, sorted(wanted), blog_id=blog_id)}
    names = sorted({one.key for one in read.values() if one.kind == "author"})
    people = {row.handle: row.id for row in _AUTHORS.run(connection, names, blog_id=blog_id)}

    def meant(named: LocalObject) -> Found | None:
        if named.kind == "author":
            owner = people.get(named.key)
            return None if owner is None else Found("actor", owner, addresses.actor(owner))
        post_id = pages.get(named.key) if named.kind == "page" else named.key
        if comment_id := named.comment or (named.key if named.kind == "comment" else ""):
            row = below.get(comment_id)
            if row is None or (named.comment and row.post_id != post_id):
                return None
            return Found("comment", row.id, row.uri)
        if named.kind == "page":
            return None if post_id is None else Found("post", post_id, addresses.post(post_id))
        uri = addresses.id_of(named)
        return None if uri is None else Found(named.kind, named.key, uri)

    return {uri: found for uri, named in read.items() if (found := meant(named)) is not None}


def one(connection: Connection, addresses: Addresses, blog_id: int, uri: str) -> Found | None:
    """What *uri* means, as in `resolve`."""
    return resolve(connection, addresses, blog_id, [uri]).get(uri)


def _brought(
    connection: Connection, addresses: Addresses, blog_id: int, read: Iterable[LocalObject]
) -> dict[LocalObject, LocalObject]:
    """By those of *read* that are activities the post or comment that they brought."""
    ids = sorted({one.key for one in read if one.kind == "activity"})
    found = {}
    for row in _ACTIVITIES.run(connection, ids, blog_id=blog_id):
        item = addresses.parse(row.object_uri) if row.object_uri is not None else None
        if item is not None and item.kind in ("post", "comment"):
            found[LocalObject("activity", row.id)] = item
    return found


def _pages(connection: Connection, blog_id: int, paths: Collection[str]) -> dict[str, str]:
    """The ids of the posts that are, or once were, at these paths, with a slash at their end or
    without, in small letters or with capitals among them."""
    spellings = {path: _spellings(path) for path in paths}
    spelled = sorted({spelling for path in paths for spelling in spellings[path]} - {""})
    found: dict[str, str] = {}
    for statement in (_FORMER_POSTS, _POSTS):  # who is there now counts more
        rows = {row.path: row.id for row in statement.run(connection, spelled, blog_id=blog_id)}
        for path in paths:
            named = [rows[spelling] for spelling in spellings[path] if spelling in rows]
            if named:
                found[path] = named[0]
    return found


def _spellings(path: str) -> tuple[str, ...]:
    """How a post may stand at *path*, the closest first: slugs have small letters, imported paths
    whatever they had."""
    return (path, path.rstrip("/"), lowered(path))
