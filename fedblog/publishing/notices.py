"""What became otherwise than a request asked for, to be said in the answer to it."""

from dataclasses import dataclass

from fedblog.domain.post import Post
from fedblog.publishing import fields
from fedblog.publishing.fields import PostFields
from fedblog.text.slugs import as_asked


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of the *field*, in a sentence."""

    field: str
    message: str


def of(post: Post, given: PostFields | None = None) -> tuple[Notice, ...]:
    """What stands otherwise in *post* than its authors asked for, now (*given* are the fields of
    this request) or before."""
    found = []
    if post.asked_slug is not None and post.asked_slug != post.slug:
        if as_asked(post.asked_slug) == post.slug:
            why = f"addresses are in lower case: “{post.asked_slug}” became “{post.slug}”"
        else:
            why = (
                f"when the post went out, another one stood at “{post.asked_slug}” of that day: "
                f"it is at “{post.slug}”"
            )
        found.append(Notice("slug", why))
    given = given or {}
    for field, names in (
        ("tags", given.get("tags", ())),
        ("categories", given.get("categories", ())),
    ):
        found += [
            Notice(field, f"“{left_out}” was left out: it is the same as “{kept}”")
            for left_out, kept in fields.same_terms(field, names)
        ]
    return tuple(found)
