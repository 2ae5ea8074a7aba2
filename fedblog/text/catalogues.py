"""The gettext catalogues (``locale/LANGUAGE/fedblog.po``; English stands in the code itself), and
the words that leave the server with what people wrote, in the language of their text."""

import io
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup

CATALOGUES = Path(__file__).parent / "locale"
DOMAIN = "fedblog"
ENGLISH = NullTranslations()


def _catalogue(path: Path) -> NullTranslations:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parent.name)
    packed = io.BytesIO()
    write_mo(packed, catalogue)
    packed.seek(0)
    return GNUTranslations(packed)


# Read when the module is imported, so that nothing waits for files later.
TRANSLATIONS = {
    path.parent.name: _catalogue(path) for path in sorted(CATALOGUES.glob(f"*/{DOMAIN}.po"))
}


def sentence(tag: str, message: str, wordless: str, **values: object) -> Markup:
    """*message* in the language that *tag* (BCP 47) names; *values* are escaped and put in by name.

    Where there is no catalogue of it (and it is not English) *wordless* stands instead, which has
    signs but no words: a text is not mixed with words of a language that its readers may not know.
    """
    primary = tag.partition("-")[0].lower()
    words = TRANSLATIONS.get(tag.replace("-", "_")) or TRANSLATIONS.get(primary)
    if words is None and primary != "en":
        return Markup(wordless) % values  # noqa: S704
    return Markup((words or ENGLISH).gettext(message)) % values  # noqa: S704
