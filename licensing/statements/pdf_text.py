"""Text for the page of a statement, in whatever script a name is written.

The fonts that come with reportlab have the letters of Latin scripts, and are embedded. For Han, kana, Hangul,
Greek and Cyrillic letters there are fonts that a reader of PDF brings itself; one that has none of them
leaves a gap, so a page says which letters these are. Everything else is written as its code point.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from intaglio.errors import ConfigurationError

PLAIN, BOLD = "Vera", "VeraBd"
_NAMED = "HeiseiMin-W3"  # Han, kana, and the full-width letters of Greek and Cyrillic scripts
_KOREAN = "HYSMyeongJo-Medium"
_CHINESE = "STSong-Light"


def reportlab(module: str) -> Any:
    """A module of reportlab. By name, because the library has no types.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        return import_module(f"reportlab.{module}")
    except ImportError as error:
        raise ConfigurationError("PDF needs reportlab; run `pip install 'intaglio[statements]'`.") from error


def register() -> None:
    """Make the fonts known to reportlab, once."""
    _glyphs()


def marked_up(text: str) -> str:
    """The text as markup of a paragraph: each run of characters in a font that has them."""
    return "".join(_run(font, "".join(run)) for font, run in groupby(text, _font))


def not_embedded(text: str) -> set[str]:
    """The characters that a reader of PDF shows only if it has the fonts for them."""
    return {character for character in text if _font(character) not in (None, PLAIN)}


def _run(font: str | None, text: str) -> str:
    if font is None:
        return "".join(f"&lt;U+{ord(character):04X}&gt;" for character in text)
    return escape(text) if font == PLAIN else f'<font name="{font}">{escape(text)}</font>'


def _font(character: str) -> str | None:
    if not character.isprintable():
        return None
    if ord(character) in _glyphs():
        return PLAIN
    for font, encoding in ((_NAMED, "shift_jis"), (_KOREAN, "euc_kr"), (_CHINESE, "gb2312")):
        try:
            character.encode(encoding)
        except UnicodeEncodeError:
            continue
        return font
    return None


@cache
def _glyphs() -> frozenset[int]:
    metrics, fonts, cid = reportlab("pdfbase.pdfmetrics"), reportlab("pdfbase.ttfonts"), reportlab("pdfbase.cidfonts")
    for name in (PLAIN, BOLD):
        metrics.registerFont(fonts.TTFont(name, f"{name}.ttf"))
    metrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)
    for name in (_NAMED, _KOREAN, _CHINESE):
        metrics.registerFont(cid.UnicodeCIDFont(name))
    # Both have the same letters; what one of them lacks is not there.
    plain, bold = (metrics.getFont(name).face.charToGlyph for name in (PLAIN, BOLD))
    return frozenset(plain) & frozenset(bold)
