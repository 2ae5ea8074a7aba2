"""How forums and link aggregators show an Article: as a thread with a title."""

from fedblog.publishing.looks.rendering import Article, Seen

LEMMY_TITLE = 200
"""Characters of a title that Lemmy keeps."""

NEEDS_A_PERSON = "its threads are begun by persons, and this post has a group as author"
SHUT = "audience names the group, in which only moderators may post, and it is none of its own"
NO_CATEGORY = "in no category: neither to, cc nor audience name the group"
PROBABLY_NEEDS_A_PERSON = f"probably {NEEDS_A_PERSON}"


def lemmy(article: Article) -> Seen:
    """Title and content; the address and a picture only from the first entry of ``attachment``.

    ``image`` and ``contentMap`` are not looked at.
    """
    return Seen(
        title=article.name[:LEMMY_TITLE],
        text=article.text,
        link=article.attached_link or article.content_link,
        image=article.attached_image,
        refused=_unless_person(article, NEEDS_A_PERSON),
    )


def mbin(article: Article) -> Seen:
    """Title, linked to the page, and content. ``image`` counts only without ``attachment``."""
    return Seen(
        title=article.name,
        text=article.text,
        link=article.attached_link or article.url,
        image=article.attached_image,
        language=article.language,
        tags=True,
        refused=_unless_person(article, NEEDS_A_PERSON),
    )


def piefed(article: Article) -> Seen:
    """Title and content; the address from a Link in ``attachment``."""
    return Seen(
        title=article.name,
        text=article.text,
        link=article.attached_link or article.content_link,
        image=article.attached_image,
        tags=True,
        refused=_unless_person(article, PROBABLY_NEEDS_A_PERSON),
    )


def nodebb(article: Article) -> Seen:
    """Title and content; ``image`` becomes the topic's thumbnail, hashtags its tags. A group is a
    category there, in which the topic lies only where it is named as one whom it is for."""
    return Seen(
        title=article.name,
        text=article.text,
        link=article.url or article.content_link,
        image=article.image,
        tags=True,
        refused=SHUT if article.is_shut else "",
        place=NO_CATEGORY if article.author_type == "Group" and not article.names_author else "",
    )


def discourse(article: Article) -> Seen:
    """Title and content, in a category that follows the blog."""
    return Seen(title=article.name, text=article.text, link=article.content_link)


def _unless_person(article: Article, reason: str) -> str:
    return "" if article.author_type == "Person" else reason
