"""A post's life: which steps there are, and what each stamps."""

from datetime import UTC, datetime, timedelta

import pytest
from support.values import post

from fedblog.domain.errors import PostStateError
from fedblog.domain.post import Post

NOW = datetime(2026, 11, 20, 10, 0, 0, 250_000, tzinfo=UTC)


def draft() -> Post:
    return post(created_at=NOW, updated_at=NOW)


def test_post_is_published_once_and_keeps_its_address() -> None:
    post = draft().published(NOW, "/2026/11/20/a-title/")
    assert post.is_public
    assert post.published_at == NOW.replace(microsecond=0)
    assert post.version == 2
    with pytest.raises(PostStateError):
        post.published(NOW, "/another/")


def test_stamps_of_edits_increase_by_whole_seconds() -> None:
    post = draft().published(NOW, "/2026/11/20/a-title/")
    second = NOW.replace(microsecond=0) + timedelta(seconds=1)
    post = post.edited(NOW)
    assert post.edited_at == second
    post = post.edited(NOW)
    assert (post.edited_at, post.version) == (second + timedelta(seconds=1), 4)
    later = NOW + timedelta(minutes=1)
    assert post.edited(later).edited_at == later.replace(microsecond=0)


def test_draft_is_edited_without_a_stamp() -> None:
    post = draft().edited(NOW)
    assert (post.edited_at, post.version) == (None, 2)


def test_post_is_deleted_once_and_never_published_again() -> None:
    post = draft().published(NOW, "/2026/11/20/a-title/").deleted(NOW)
    assert (post.is_public, post.deleted_at) == (False, NOW.replace(microsecond=0))
    with pytest.raises(PostStateError):
        post.deleted(NOW)
    with pytest.raises(PostStateError):
        post.published(NOW, "/another/")
