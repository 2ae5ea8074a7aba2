"""What is said of a blog and of those who write it (a name, a link, an account elsewhere), checked.

Each takes the name of the field and the text, gives the text in its own form, and raises
InvalidFieldError, which says what the field takes.
"""

import re
import unicodedata
from urllib.parse import urlsplit

from fedblog.domain.errors import InvalidFieldError
from fedblog.text.names import is_blank

LINE_LENGTH = 200
TEXT_LENGTH = 5000
ADDRESS_LENGTH = 2000
_ACCOUNT_LENGTH = 300
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ACCOUNT = re.compile(
    rf"@?([A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?)"
    rf"@((?:(?:{_LABEL}\.)+{_LABEL}|localhost)(?::[0-9]{{1,5}})?)",
    re.IGNORECASE,
)


def line(field: str, text: str) -> str:
    """*text* as one line that shows something."""
    text = " ".join(text.split())
    if is_blank(text) or len(text) > LINE_LENGTH or _has_controls(text):
        raise InvalidFieldError(field, f"takes one line of 1 to {LINE_LENGTH} characters")
    return text


def line_or_nothing(field: str, text: str) -> str:
    """*text* as one line; nothing but blanks is none."""
    if not text.strip():
        return ""
    try:
        return line(field, text)
    except InvalidFieldError:
        message = f"takes one line of at most {LINE_LENGTH} characters, or nothing"
        raise InvalidFieldError(field, message) from None


def prose(field: str, text: str) -> str:
    """*text* as plain text of some lines, perhaps empty."""
    text = text.strip()
    if len(text) > TEXT_LENGTH or _has_controls(text.replace("\n", "").replace("\t", "")):
        raise InvalidFieldError(field, f"takes plain text of at most {TEXT_LENGTH} characters")
    return text


def web_address(field: str, text: str) -> str:
    """*text* as the address of a page, or empty."""
    text = text.strip()
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        holds = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        holds = False
    if not holds or len(text) > ADDRESS_LENGTH or _has_controls(text) or len(text.split()) > 1:
        raise InvalidFieldError(field, "takes an address such as https://example.org/")
    return text


def account(field: str, text: str) -> str:
    """*text*, an account on another server, as ``name@host``, or empty."""
    text = text.strip()
    if not text:
        return ""
    found = _ACCOUNT.fullmatch(text) if len(text) <= _ACCOUNT_LENGTH else None
    if found is None:
        raise InvalidFieldError(field, "takes an account such as @you@social.example")
    return f"{found[1]}@{found[2].lower()}"


def _has_controls(text: str) -> bool:
    return any(unicodedata.category(character) in ("Cc", "Cs") for character in text)
