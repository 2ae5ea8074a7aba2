"""One handler per activity type: a plain function over facts, without database or network."""

from collections.abc import Callable, Mapping

from fedblog.federation.facts import Facts, Incoming, Outcome
from fedblog.federation.handlers.following import block, follow
from fedblog.federation.handlers.moving import move
from fedblog.federation.handlers.reacting import announce, dislike, emoji_react, like
from fedblog.federation.handlers.reporting import flag
from fedblog.federation.handlers.requesting import request
from fedblog.federation.handlers.talking import create, delete, update
from fedblog.federation.handlers.undoing import undo

Handler = Callable[[Incoming, Facts], Outcome]

HANDLERS: Mapping[str, Handler] = {
    "Create": create,
    "Update": update,
    "Delete": delete,
    "Follow": follow,
    "Undo": undo,
    "Like": like,
    "EmojiReact": emoji_react,
    "Dislike": dislike,
    "Announce": announce,
    "Block": block,
    "Flag": flag,
    "Move": move,
    "QuoteRequest": request,
    "FeatureRequest": request,
    "ReplyRequest": request,
    "LikeRequest": request,
    "AnnounceRequest": request,
}
"""Every activity type that does something here. All others are received and ignored."""
