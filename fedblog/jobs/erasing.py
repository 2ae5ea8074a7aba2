"""Erases what was deleted once its days are over: texts, former texts, comments, pictures."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from fedblog.jobs.slices import go_through
from fedblog.publishing.media import media_folder, old_files, remove_files
from fedblog.publishing.site import Site
from fedblog.storage import erasure, media, terms

logger = logging.getLogger(__name__)

_AT_ONCE = 50
_FILES_AT_ONCE = 500


async def erase(site: Site, now: datetime) -> bool:
    """Erase posts and comments deleted `keep_deleted` days before *now*, with their pictures.

    Little by little, and resumable: what is done again changes nothing. Gives whether all is
    erased; a post or comment about which something is under way to other servers is left for later.
    """
    before = now - timedelta(days=site.settings.keep_deleted)
    is_all = True
    after: erasure.Due | None = None
    while found := await site.store.read(erasure.due_comments, before, after, _AT_ONCE):
        after, ids = found[-1], [id_ for _, id_ in found]
        await _erase_pictures(site, ids)
        to_them = partial(_drop_reactions_to, ids)
        await go_through(site.store, to_them, seconds=site.settings.slice_seconds)
        is_all &= await site.store.write(erasure.erase_comments, ids, now) == len(ids)
        await asyncio.sleep(0)
    after = None
    while found := await site.store.read(erasure.due_posts, before, after, _AT_ONCE):
        after = found[-1]
        for _, post_id in found:
            is_all &= await _erase_post(site, post_id, now)
    return is_all


def _drop_reactions_to(ids: Sequence[str], connection: Connection, limit: int) -> int:
    return erasure.drop_reactions_to(connection, ids, limit)


async def _erase_post(site: Site, post_id: str, now: datetime) -> bool:
    if not await site.store.read(erasure.is_told, post_id):
        return False
    for step in erasure.STEPS:

        def some(connection: Connection, limit: int, step: erasure.Step = step) -> int:
            return step(connection, post_id, now, limit)

        await go_through(site.store, some, seconds=site.settings.slice_seconds)
    stood = await site.store.read(erasure.objects_of, post_id)
    await _erase_pictures(site, stood)
    is_done = await site.store.write(erasure.finish_post, post_id, now)
    if is_done:
        logger.info("the deleted post %s was erased", post_id)
    return is_done


async def _erase_pictures(site: Site, object_ids: Sequence[str]) -> None:
    await _remove_files(site, await site.store.write(erasure.drop_media, object_ids))


async def drop_lone_media(site: Site, ids: Collection[str]) -> None:
    """Delete pictures that stand nowhere, as far as that is still so, with their files."""
    await _remove_files(site, await site.store.write(terms.drop_media, ids))


async def _remove_files(site: Site, names: Sequence[str]) -> None:
    """The files after their rows, which a post could take up again; a crash in between leaves
    files that `drop_strays` finds."""
    if names:
        await asyncio.to_thread(remove_files, media_folder(site.settings), names)


async def drop_strays(site: Site, before: datetime) -> None:
    """Delete files in the folder of uploaded pictures that no row names, written before *before*.
    Raises OSError."""
    folder = media_folder(site.settings)
    names = await asyncio.to_thread(old_files, folder, before.timestamp())
    for start in range(0, len(names), _FILES_AT_ONCE):
        some = names[start : start + _FILES_AT_ONCE]
        known = await site.store.read(media.known_files, some)
        await _remove_files(site, [name for name in some if name not in known])
