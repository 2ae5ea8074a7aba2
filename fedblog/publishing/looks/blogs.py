"""How other blogs show an Article in their readers: much as it was meant."""

from fedblog.publishing.looks.rendering import Article, Seen
from fedblog.text.sanitise import plain_text


def wordpress(article: Article) -> Seen:
    """Title, excerpt and content; ``image`` below it where ``attachment`` is empty."""
    excerpt = plain_text(article.summary)
    return Seen(
        title=plain_text(article.name),
        text="\n\n".join(part for part in (excerpt, article.text) if part),
        link=article.content_link,
        image=article.attached_image or article.image,
        tags=True,
    )


def ghost(article: Article) -> Seen:
    """Title, picture and the excerpt of ``preview`` in the list, the content in the reader."""
    return Seen(
        title=article.name,
        text="\n\n".join(part for part in (article.preview, article.text) if part),
        link=article.url or article.content_link,
        image=article.image,
    )
