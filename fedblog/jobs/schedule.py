"""Publishes scheduled posts at their time, also those whose time came while nothing ran."""

from datetime import UTC, datetime

from fedblog.jobs.rounds import Rounds
from fedblog.publishing import posts
from fedblog.publishing.site import Site
from fedblog.storage import posts as post_rows

LONGEST_WAIT = 60.0
"""Seconds after which the clock is looked at again, should it have been set."""


class ScheduleLoop:
    """Sleeps until the next post is due, or until the schedule changes."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rounds = Rounds(
            site.store,
            "schedule",
            self._publish,
            trouble="scheduled posts cannot be looked up",
        )

    async def run(self) -> None:
        """Publish what is due until cancelled."""
        await self._rounds.run()

    async def _publish(self) -> float:
        await posts.publish_due(self._site)
        return await self._seconds_to_next()

    async def _seconds_to_next(self) -> float:
        due = await self._site.store.read(post_rows.next_due, self._site.blog_id)
        if due is None:
            return LONGEST_WAIT
        return min(LONGEST_WAIT, max(0.0, (due - datetime.now(UTC)).total_seconds()))
