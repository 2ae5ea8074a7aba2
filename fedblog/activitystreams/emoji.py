"""What counts as a reaction's emoji (FEP-c0e0): one emoji, or one custom emoji by its shortcode."""

import re

LONGEST = 64
"""Bytes of one emoji in UTF-8; the longest in use (two people kissing) has 35."""

# Extended_Pictographic (UTS #51), places that are kept for later emoji among them.
_PICTURE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u2388\u23cf"
    "\u23e9-\u23f3\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u2605\u2607-\u2612"
    "\u2614-\u2685\u2690-\u2705\u2708-\u2712\u2714\u2716\u271d\u2721\u2728\u2733\u2734\u2744\u2747"
    "\u274c\u274e\u2753-\u2755\u2757\u2763-\u2767\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935"
    "\u2b05-\u2b07\u2b1b\u2b1c\u2b50\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f12f\U0001f16c-\U0001f171\U0001f17e\U0001f17f"
    "\U0001f18e\U0001f191-\U0001f19a\U0001f201-\U0001f20f\U0001f21a\U0001f22f\U0001f232-\U0001f23a"
    "\U0001f23c-\U0001f23f\U0001f249-\U0001f3fa\U0001f400-\U0001f6ff\U0001f774-\U0001f77f"
    "\U0001f7d5-\U0001f7ff\U0001f80c-\U0001f80f\U0001f848-\U0001f84f\U0001f85a-\U0001f85f"
    "\U0001f888-\U0001f88f\U0001f8ae-\U0001f8ff\U0001f90c-\U0001faff\U0001fc00-\U0001fffd]"
)
# A picture with its look, skin or tag (flags of regions).
_ONE = f"{_PICTURE}\ufe0f?\ufe0e?[\U0001f3fb-\U0001f3ff]?[\U000e0020-\U000e007e]{{0,8}}\U000e007f?"
_EMOJI = re.compile(
    f"(?:{_ONE}(?:\u200d{_ONE}){{0,8}}|[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3)"
)
# Misskey adds the host of another server's emoji.
_CUSTOM = re.compile(r":[A-Za-z0-9_+.~-]{1,64}(?:@[A-Za-z0-9.-]{1,100})?:")


def reaction_emoji(text: str) -> str:
    """The one emoji or ``:shortcode:`` that *text* is; empty for every other text."""
    if len(text) > 200:
        return ""
    found = text.strip()
    if _CUSTOM.fullmatch(found):
        return found
    is_emoji = _EMOJI.fullmatch(found) and len(found.encode("utf-8", "replace")) <= LONGEST
    return found if is_emoji else ""
