"""How much one person, one server and all together may leave here that nobody asked for."""

from dataclasses import dataclass

from fedblog.settings import Settings


@dataclass(frozen=True, slots=True)
class Bounds:
    """Numbers of rows, characters of a report's text, days of a tombstone; each is the setting of
    its name."""

    report_length: int = 2000
    report_objects: int = 20
    reports_per_actor: int = 50
    reports_per_host: int = 100
    reports_kept: int = 1000
    reactions_per_person: int = 10
    authorizations_per_actor: int = 200
    followers_per_host: int = 20_000
    orphans_per_actor: int = 20
    orphans_kept: int = 1000
    keep_tombstones: int = 90
    forwards_per_post: int = 60

    @classmethod
    def of(cls, settings: Settings) -> "Bounds":
        """The bounds that *settings* say."""
        return cls(**{name: getattr(settings, name) for name in cls.__dataclass_fields__})


DEFAULTS = Bounds()
