"""The table of peers and their rules; docs/how-posts-look.md has a section for each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fedblog.publishing.looks import blogs, forums, microblogs
from fedblog.publishing.looks.rendering import Article, Rendering, Seen, judge, take_apart


@dataclass(frozen=True, slots=True)
class Peer:
    """A kind of server by its name, and the rule by which it shows an Article."""

    name: str
    rule: Callable[[Article], Seen]


PEERS = (
    Peer("Mastodon 4.4", microblogs.mastodon),
    Peer("Mastodon 4.5", microblogs.mastodon),
    Peer("Mastodon 4.7", microblogs.mastodon_with_chosen_card),
    Peer("GoToSocial", microblogs.gotosocial),
    Peer("Misskey", microblogs.misskey),
    Peer("Pleroma and Akkoma", microblogs.pleroma),
    Peer("Lemmy 1.0", forums.lemmy),
    Peer("Mbin", forums.mbin),
    Peer("PieFed", forums.piefed),
    Peer("NodeBB", forums.nodebb),
    Peer("Discourse", forums.discourse),
    Peer("WordPress", blogs.wordpress),
    Peer("Ghost", blogs.ghost),
    Peer("Friendica", microblogs.friendica),
    Peer("Pixelfed", microblogs.pixelfed),
)


def renderings(
    item: Mapping[str, Any], *, author_type: str = "Group", restricted: bool = False
) -> tuple[Rendering, ...]:
    """The Article *item* on every peer; *author_type* is the type of its author's actor, and
    *restricted* its ``postingRestrictedToMods``."""
    article = take_apart(item, author_type, restricted=restricted)
    return tuple(judge(peer.name, article, peer.rule(article)) for peer in PEERS)
