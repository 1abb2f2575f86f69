"""The plot of a run: a table of attacks and methods, colored by the share of pictures that keep the payload."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.mark.attacks import Attack
from benchmarks.mark.figures import share
from benchmarks.mark.run import Outcome

_LABEL, _CELL, _ROW, _HEAD, _GAP = 190, 46, 17, 118, 30
# From lost to kept: apart for the color-blind too (ColorBrewer RdBu, by Cynthia Brewer, Apache 2.0).
_LOST, _HALF, _KEPT = (178, 24, 43), (247, 247, 247), (33, 102, 172)


def svg(outcome: Outcome, attacks: Sequence[Attack]) -> str:
    """Return the SVG file: attacks with a target on the left, the others on the right."""
    panels = [
        [each for each in attacks if (each.target is None) is other]
        for other in (False, True)
        if any((each.target is None) is other for each in attacks)
    ]
    panel_width = _LABEL + _CELL * len(outcome.methods) + _GAP
    width = panel_width * len(panels)
    height = _HEAD + _ROW * max((len(each) for each in panels), default=0) + 36
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for place, panel in enumerate(panels):
        parts += _panel(outcome, panel, place * panel_width)
    parts.append(
        f'<text x="8" y="{height - 10}" fill="#444444">Percent of pictures whose payload is read exactly. '
        "Blue: kept. Red: lost.</text>"
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(outcome: Outcome, attacks: Sequence[Attack], left: int) -> list[str]:
    parts: list[str] = []
    for column, method in enumerate(outcome.methods):
        x = left + _LABEL + column * _CELL + _CELL // 2
        parts.append(
            f'<text transform="translate({x + 4} {_HEAD - 8}) rotate(-60)" fill="#000000">{escape(method)}</text>'
        )
    for row, attack in enumerate(attacks):
        top = _HEAD + row * _ROW
        parts.append(
            f'<text x="{left + _LABEL - 8}" y="{top + 12}" text-anchor="end" fill="#000000">'
            f"{escape(attack.name)}</text>"
        )
        for column, method in enumerate(outcome.methods):
            found = share(outcome, method, attack)
            if found.total:
                parts += _cell(left + _LABEL + column * _CELL, top, found.value)
    return parts


def _cell(x: int, y: int, value: float) -> list[str]:
    red, green, blue = _color(value)
    ink = "#ffffff" if abs(value - 0.5) > 0.3 else "#000000"
    return [
        f'<rect x="{x}" y="{y}" width="{_CELL - 1}" height="{_ROW - 1}" fill="rgb({red},{green},{blue})"/>',
        f'<text x="{x + _CELL // 2}" y="{y + 12}" text-anchor="middle" fill="{ink}">{100 * value:.0f}</text>',
    ]


def _color(value: float) -> tuple[int, int, int]:
    low, high, part = (_LOST, _HALF, 2 * value) if value < 0.5 else (_HALF, _KEPT, 2 * value - 1)
    red, green, blue = (round(a + (b - a) * part) for a, b in zip(low, high, strict=True))
    return red, green, blue
