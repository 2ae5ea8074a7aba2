"""The errors of the domain: what a blog's own rules refuse."""


class DomainError(Exception):
    """A rule of the blog was broken."""


class PostStateError(DomainError):
    """A post cannot make this step from the state it is in."""


class InvalidFieldError(DomainError):
    """A value of a field does not hold to the rules; *field* names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class NotFoundError(DomainError):
    """What was asked for does not exist, or the asker may not know that it does."""


class GoneError(DomainError):
    """What was asked for was there and has been deleted."""


class ConflictError(DomainError):
    """The change does not fit the present state (a name that is taken, a key used otherwise)."""


class TakenError(ConflictError):
    """The value of a field is another's already; *field* names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message
