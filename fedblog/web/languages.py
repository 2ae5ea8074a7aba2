"""Words, dates and numbers of pages in the language of the blog.

Texts come from the gettext catalogues (`fedblog.text.catalogues`), plural rules from them as well,
dates and numbers from Babel.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup

from fedblog.text.catalogues import ENGLISH, TRANSLATIONS


class Language:
    """How one language says things. Get it by `language`, which keeps it."""

    def __init__(self, tag: str) -> None:
        self.locale = _locale(tag)
        self.code = self.locale.language
        self._translations = TRANSLATIONS.get(str(self.locale)) or TRANSLATIONS.get(
            self.code, ENGLISH
        )
        if self._translations is ENGLISH and self.locale.text_direction == "rtl":
            # English words run from left to right, and dates beside them cannot run against them.
            self.locale = Locale("en")
        self.direction = self.locale.text_direction
        self.tag = str(self.locale).replace("_", "-")
        if self._translations is ENGLISH:
            self.words_tag = "en"
        else:
            self.words_tag = self.tag

    def text(self, message: str, **values: object) -> Markup:
        """*message* in this language; *values* are escaped and put in by name."""
        return Markup(self._translations.gettext(message)) % values  # noqa: S704

    def count(self, one: str, many: str, number: int, **values: object) -> Markup:
        """The form of a message that *number* asks for; ``%(number)s`` has separators."""
        text = self._translations.ngettext(one, many, number)
        return Markup(text) % {"number": self.number(number), **values}  # noqa: S704

    def number(self, number: int) -> str:
        """A whole number with the separators of the language."""
        return _number(self.locale, number)

    def percent(self, part: int, whole: int) -> str:
        """How much *part* is of *whole*, in whole percent."""
        return _percent(self.locale, round(100 * min(part, whole) / whole) if whole else 0)

    def date(self, moment: datetime, zone: str) -> str:
        """The day of *moment* in the time zone *zone*, in words."""
        return _date(self.locale, moment, zone)

    def time(self, moment: datetime, zone: str) -> str:
        """Day and time of *moment* in the time zone *zone*."""
        return _time(self.locale, moment, zone)

    def month(self, moment: datetime, zone: str) -> str:
        """Month and year of *moment*."""
        return _month(self.locale, moment, zone)


_READY: dict[tuple[str, str], Language] = {}
_MOST_READY = 64


async def language(tag: str, zone: str) -> Language:
    """The language that *tag* (BCP 47) names, ready for dates in *zone*.

    English where it names none that is known. What must be read from files for it (Babel's data,
    the time zone) is read on a thread, once.
    """
    found = _READY.get((tag, zone))
    if found is None:
        found = await asyncio.to_thread(_load, tag, zone)
        if len(_READY) >= _MOST_READY:
            _READY.clear()
        _READY[tag, zone] = found
    return found


def _load(tag: str, zone: str) -> Language:
    loaded = Language(tag)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for say in (loaded.date, loaded.time, loaded.month):
        say(moment, zone)
    loaded.number(1000)
    loaded.percent(1, 2)
    return loaded


def _locale(tag: str) -> Locale:
    for name in (tag, tag.split("-")[0]):
        try:
            return Locale.parse(name, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


def _cached(function: Callable[..., str]) -> Callable[..., str]:
    return lru_cache(maxsize=4096)(function)


@_cached
def _number(locale: Locale, number: int) -> str:
    return format_decimal(number, locale=locale)


@_cached
def _percent(locale: Locale, percent: int) -> str:
    return format_percent(percent / 100, locale=locale)


@_cached
def _date(locale: Locale, moment: datetime, zone: str) -> str:
    return format_date(moment.astimezone(ZoneInfo(zone)).date(), "long", locale=locale)


@_cached
def _time(locale: Locale, moment: datetime, zone: str) -> str:
    local = moment.astimezone(ZoneInfo(zone))
    day = format_date(local.date(), "medium", locale=locale)
    hour = format_time(local, "short", tzinfo=ZoneInfo(zone), locale=locale)
    return str(locale.datetime_formats["medium"]).replace("{0}", hour).replace("{1}", day)


@_cached
def _month(locale: Locale, moment: datetime, zone: str) -> str:
    return format_date(moment.astimezone(ZoneInfo(zone)).date(), "LLLL y", locale=locale)
