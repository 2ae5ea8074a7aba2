"""Pictures that authors upload."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Media:
    """A re-encoded picture: *file_name* below the media folder, sizes in pixels and bytes."""

    id: str
    blog_id: int
    file_name: str
    media_type: str
    width: int
    height: int
    size: int
    alt: str
    caption: str
    credit: str
    created_at: datetime
