"""Erases what was deleted once its days are over: texts, former texts, comments, pictures."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from fedblog.jobs.slices import go_through
from fedblog.publishing.media import media_folder, remove_files
from fedblog.publishing.site import Site
from fedblog.storage import erasure, terms

logger = logging.getLogger(__name__)

_AT_ONCE = 50


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
    """The files first: a row without its file is found again, a file without its row never."""
    doomed = await site.store.read(erasure.doomed_media, object_ids)
    if doomed:
        names = [name for _, name in doomed]
        await asyncio.to_thread(remove_files, media_folder(site.settings), names)
        await site.store.write(erasure.drop_media, [id_ for id_, _ in doomed])


async def drop_lone_media(site: Site, ids: Collection[str]) -> None:
    """Delete pictures that stand nowhere, as far as that is still so, and then their files."""
    found = await site.store.read(terms.withdraw_media, ids)
    if found:
        names = list(found.values())
        await asyncio.to_thread(remove_files, media_folder(site.settings), names)
        await site.store.write(terms.drop_media, list(found))
