"""What may go wrong with work in a process of its own."""


class AsideError(Exception):
    """The work was not done."""


class BusyError(AsideError):
    """Too much of it waits, of all names or of this one, or the system gives no process;
    *retry_after* are seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EndedError(AsideError):
    """The process ended over it: it took too long or too much memory, or somebody killed it."""
