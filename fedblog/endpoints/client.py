"""Who asks: the address that a request came from."""

from starlette.types import Scope


def client_of(scope: Scope) -> str:
    """The client's address (behind a trusted proxy the one that it names), or "" where there is
    none: a socket in the file system."""
    client = scope.get("client")
    return client[0] if client else ""
