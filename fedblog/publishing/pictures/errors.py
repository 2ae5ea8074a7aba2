"""What can be wrong with a picture. The worker names these across the pipe."""


class PictureError(Exception):
    """The picture cannot be taken; the message says why, for people."""


class WrongKindError(PictureError):
    """The bytes are no picture of a kind that is read."""


class TooLargeError(PictureError):
    """It has more pixels, or takes more memory to decode, than is allowed."""


class BrokenError(PictureError):
    """It cannot be decoded."""


class BusyError(Exception):
    """Too many pictures wait; come back later."""


BY_NAME: dict[str, type[PictureError]] = {
    kind.__name__: kind for kind in (WrongKindError, TooLargeError, BrokenError)
}
