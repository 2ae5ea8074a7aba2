"""How other servers show our articles: one rule a peer, from the Article as it is sent.

Pure. The rules and where they were read stand in docs/how-posts-look.md; nothing here decides what
is sent, it only tells what becomes of it.
"""

from fedblog.publishing.looks.peers import PEERS, Peer, renderings
from fedblog.publishing.looks.rendering import PARTS, Article, Rendering, Seen

__all__ = ["PARTS", "PEERS", "Article", "Peer", "Rendering", "Seen", "renderings"]
