"""How servers made for short notes show an Article: Mastodon and those around it."""

from fedblog.publishing.looks.rendering import Article, Seen
from fedblog.text.sanitise import plain_text

MISSKEY_TEXT = 8192
"""Characters of a note that Misskey keeps."""


def mastodon(article: Article) -> Seen:
    """Title, summary and address; the content is dropped. The card comes from the page.

    ``name`` and ``summary`` are put into HTML as they are, so a title may not look like a tag.
    A picture in ``attachment`` takes the card's place.
    """
    lines = [plain_text(article.summary), article.url or article.id]
    return Seen(
        title=plain_text(article.name),
        text="\n\n".join(line for line in lines if line),
        link=article.url or article.id,
        image=article.attached_image or article.image,
        language=article.language,
        tags=True,
    )


def mastodon_with_chosen_card(article: Article) -> Seen:
    """As `mastodon`, but the first Link in ``attachment`` says what the card leads to (4.7)."""
    seen = mastodon(article)
    if article.attached_image or article.attached_link in ("", article.url):
        return seen
    return Seen(seen.title, seen.text, seen.link, "", seen.warning, seen.language, seen.tags)


def gotosocial(article: Article) -> Seen:
    """The content, hidden behind the summary or, where there is none, behind the title, out of
    which what looks like a tag is taken."""
    return Seen(
        text=article.text,
        link=article.content_link,
        image=article.attached_image,
        warning=article.summary or plain_text(article.name),
        language=article.language,
        tags=True,
    )


def misskey(article: Article) -> Seen:
    """Title in 【】, content and address as one note, hidden behind the summary."""
    lines = (
        f"【{article.name}】" if article.name else "",
        article.text[:MISSKEY_TEXT],
        article.url,
    )
    return Seen(
        text="\n\n".join(line for line in lines if line),
        link=article.url or article.content_link,
        image=article.attached_image,
        warning=article.summary,
        tags=True,
    )


def pleroma(article: Article) -> Seen:
    """The title, linked, above the content; the summary is the subject line, which may fold it."""
    return Seen(
        title=article.name,
        text=article.text,
        link=article.url or article.id,
        image=article.attached_image,
        warning=article.summary,
        tags=True,
    )


def friendica(article: Article) -> Seen:
    """Title and content; the summary is a content warning above it."""
    return Seen(
        title=plain_text(article.name),
        text=article.text,
        link=article.url or article.content_link,
        image=article.attached_image,
        warning=article.summary,
        language=article.language,
        tags=True,
    )


def pixelfed(article: Article) -> Seen:
    """Nothing without a picture in ``attachment``; with one, its caption is the content."""
    if not article.attached_image:
        return Seen(refused="it shows only posts with a picture in attachment")
    return Seen(
        text=article.text,
        link=article.content_link,
        image=article.attached_image,
        warning=article.summary,
        tags=True,
    )
