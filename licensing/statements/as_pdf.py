"""A statement as PDF, for people: who, which month, what for, how much, and how to check it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from intaglio.licensing.royalties.lines import Line
from intaglio.licensing.statements.amounts import shown
from intaglio.licensing.statements.pdf_text import BOLD, PLAIN, marked_up, not_embedded, register, reportlab
from intaglio.licensing.statements.statement import Statement

_WORDS = {
    "usage": "Used",
    "void": "Taken back",
    "correction": "Corrected",
    "adjustment": "Adjusted by hand",
    "period_fee": "Fee of the month",
    "free": "Free allowance",
    "tier": "Price tiers",
    "cap": "Cap",
    "minimum": "Minimum guarantee",
    "recoupment": "Works off the advance",
    "held": "Held back (dispute)",
    "brought_forward": "Brought forward",
    "payout": "Paid out",
}
_TOTALS = {
    "accrued": "Accrued",
    "adjusted": "Adjusted",
    "brought_forward": "Brought forward",
    "payable": "Payable",
    "carried": "Carried over",
    "paid": "Paid out",
}
_UNITS = {"picture": "picture", "megapixel": "pixel", "step": "step", "call": "call"}
_MOST_LETTERS = 200  # in the list of those that not every reader shows
_INK, _PALE, _RULE = "#1a1a1a", "#666666", "#bbbbbb"
_MARGIN, _WIDTH = 39, 505  # points; A4 is 595 wide
_PADDING = 6  # points, which the library leaves inside the margin
_LINE_WIDTHS = (92, 158, 45, 72, 62, 76)
_MOST_TEXT = 300  # characters of a name on the page


def to_pdf(statement: Statement) -> bytes:
    """The statement as pages of A4. The same statement gives the same bytes.

    Raises:
        ConfigurationError: reportlab is not installed.
    """
    register()
    platypus = reportlab("platypus")
    written = io.BytesIO()
    document = platypus.SimpleDocTemplate(
        written,
        pagesize=reportlab("lib.pagesizes").A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN + 14,
        title=f"Royalty statement {statement.period}",
        author=statement.origin,
        invariant=1,
    )
    document.build(list(_Page(statement).story()), canvasmaker=_canvas(statement))
    return written.getvalue()


@dataclass(frozen=True, slots=True)
class _Page:
    """The parts of the pages, from top to bottom."""

    statement: Statement

    def story(self) -> Iterator[Any]:
        """Every part."""
        one = self.statement
        state = "Final" if one.state == "closed" else "PROVISIONAL: this month is not closed"
        yield _text("Royalty statement", size=18, bold=True)
        yield _space(10)
        yield _facts({
            "For": one.holder_name[:_MOST_TEXT],
            "Holder id": one.holder[:_MOST_TEXT],
            "Month": f"{date.fromisoformat(one.period + '-01'):%B %Y} ({one.period}, UTC)",
            "State": f"{state}; as of {one.issued_at[:19].replace('T', ' ')} UTC",
            "From the log": one.origin,
        })  # fmt: skip
        yield from _headed("What it comes to")
        yield self._totals()
        for currency in sorted({line.amount.currency for line in one.lines}):
            yield from _headed(f"How it comes about: {currency}")
            yield _lines([line for line in one.lines if line.amount.currency == currency], one.period)
        yield from self._rates()
        yield from self._checks()
        yield from self._letters()

    def _totals(self) -> Any:
        if not self.statement.totals:
            return _text("Nothing was used in this month, nothing was carried over, and nothing is payable.")
        rows = [[_text("Currency", pale=True), *(_text(word, pale=True, right=True) for word in _TOTALS.values())]]
        for total in self.statement.totals:
            amounts = total.amounts()
            row = [_text(total.currency, bold=True)]
            row += [_text(shown(amounts[name], total.currency), right=True, bold=name == "payable") for name in _TOTALS]
            rows.append(row)
        return _table(rows, [61, *[74] * 6])

    def _rates(self) -> Iterator[Any]:
        if not self.statement.fx:
            return
        yield from _headed("In other currencies, for information")
        for one in self.statement.fx:
            due = next(total.payable for total in self.statement.totals if total.currency == one.source)
            yield _text(
                f"{shown(due, one.source)} {one.source} are {shown(one.nanos, one.target)} {one.target} at {one.rate} "
                f"({one.rate_source[:_MOST_TEXT]}, {one.as_of[:40]}; entry {one.leaf:,} of the log)."
            )

    def _checks(self) -> Iterator[Any]:
        one = self.statement
        covered = one.entries
        numbers = f"{covered.first_seq:,} to {covered.last_seq:,}" if covered.count else "none"
        yield from _headed("How to check it")
        yield _text(
            "This page is only a rendering. What counts is statement.json, which the log has signed, in the audit pack "
            "of this month. The pack is checked offline, entry by entry, by a program that shares nothing with the one "
            "that wrote it:"
        )
        yield _space(3)
        yield _text("intaglio audit PACK --pictures FOLDER", bold=True)
        yield _space(3)
        yield _text("Leaves are places in the log. Amounts keep every decimal; only what is payable is rounded.")
        yield _space(6)
        yield _facts({
            "Lines": f"{len(one.lines):,}, which add up {one.count:,} entries",
            "Your entries": f"{covered.count:,} in this month, your numbers {numbers}",
            "Last of them": covered.last_hash,
            "Root of the month": one.root_of_period,
            "statement.json": f"SHA-256 {one.sha256()}",
        })  # fmt: skip

    def _letters(self) -> Iterator[Any]:
        one = self.statement
        names = [one.holder, one.holder_name, one.origin]
        names += [name for line in one.lines for name in (line.license, line.account) if name is not None]
        letters = sorted(set[str]().union(*map(not_embedded, names)))
        if letters:
            listed = ", ".join(f"{letter} U+{ord(letter):04X}" for letter in letters[:_MOST_LETTERS])
            more = f" and {len(letters) - _MOST_LETTERS} more" if len(letters) > _MOST_LETTERS else ""
            yield _space(6)
            yield _text(
                f"Your reader of PDF shows these letters only if it has a font for them: {listed}{more}.", pale=True
            )


def _lines(lines: Sequence[Line], period: str) -> Any:
    names = ("What", "License and account", "Month", "Quantity", "Leaves", "Amount")
    rows = [[_text(name, pale=True, right=name == "Amount") for name in names]]
    for line in lines:
        who = [marked_up(part[:_MOST_TEXT]) for part in (line.license, line.account) if part is not None]
        month = line.effective_period if line.effective_period != period else ""
        rows.append([
            _text(_what(line)),
            _markup("<br/>".join(who)),
            _text(month, bold=True),
            _text(_quantity(line)),
            _text("" if line.leaves is None else " to ".join(f"{place:,}" for place in dict.fromkeys(line.leaves))),
            _text(shown(line.amount.nanos, line.amount.currency), right=True),
        ])  # fmt: skip
    return _table(rows, _LINE_WIDTHS)


def _what(line: Line) -> str:
    if line.type == "rounding":
        return "Rounding of shares" if line.rated else "Carried over"
    return _WORDS[line.type]


def _quantity(line: Line) -> str:
    used = ""
    if line.per in _UNITS and line.units:
        used = f"{line.units:,} {_UNITS[line.per]}{'' if abs(line.units) == 1 else 's'}"
    entries = f"{line.count:,} {'entry' if line.count == 1 else 'entries'}" if line.count else ""
    return ", ".join(part for part in (used, entries) if part)


def _facts(facts: dict[str, str]) -> Any:
    rows = [[_text(name, pale=True), _text(value)] for name, value in facts.items()]
    table = reportlab("platypus").Table(rows, colWidths=[100, _WIDTH - 100], hAlign="LEFT")
    table.setStyle(reportlab("platypus").TableStyle([*_TIGHT, ("LEFTPADDING", (0, 0), (-1, -1), 0)]))
    return table


_EVERY = ((0, 0), (-1, -1))
_TIGHT = (("VALIGN", *_EVERY, "TOP"), ("TOPPADDING", *_EVERY, 2), ("BOTTOMPADDING", *_EVERY, 2))


def _table(rows: list[list[Any]], widths: Sequence[int]) -> Any:
    platypus, color = reportlab("platypus"), reportlab("lib.colors").HexColor(_RULE)
    table = platypus.Table(rows, colWidths=widths, repeatRows=1, hAlign="LEFT")
    sides = (("LEFTPADDING", (0, 0), (-1, -1), 2), ("RIGHTPADDING", (0, 0), (-1, -1), 2))
    table.setStyle(platypus.TableStyle([*_TIGHT, *sides, ("LINEBELOW", (0, 0), (-1, -1), 0.4, color)]))
    return table


def _headed(text: str) -> Iterator[Any]:
    """A heading, and what keeps it from being the last on a page."""
    platypus = reportlab("platypus")
    yield platypus.CondPageBreak(90)
    style = reportlab("lib.styles").ParagraphStyle("heading", fontName=BOLD, fontSize=10.5, leading=14)
    style.spaceBefore, style.spaceAfter = 14, 4
    yield platypus.Paragraph(marked_up(text), style)


def _space(points: int) -> Any:
    return reportlab("platypus").Spacer(1, points)


def _text(text: str, *, size: float = 7.5, bold: bool = False, pale: bool = False, right: bool = False) -> Any:
    return _markup(marked_up(text), size=size, bold=bold, pale=pale, right=right)


def _markup(markup: str, *, size: float = 7.5, bold: bool = False, pale: bool = False, right: bool = False) -> Any:
    style = reportlab("lib.styles").ParagraphStyle(
        "text",
        fontName=BOLD if bold else PLAIN,
        fontSize=size,
        leading=size * 1.35,
        textColor=reportlab("lib.colors").HexColor(_PALE if pale else _INK),
        alignment=2 if right else 0,
        splitLongWords=1,
    )
    return reportlab("platypus").Paragraph(markup, style)


def _canvas(statement: Statement) -> Any:
    """A canvas that writes below each page which one of how many it is."""
    base: Any = reportlab("pdfgen.canvas").Canvas
    below = f"{statement.origin}, {statement.period}, statement.json {statement.sha256()[:16]}…"

    class Numbered(base):  # type: ignore[misc]  # the library has no types
        def __init__(self, *arguments: Any, **options: Any) -> None:
            base.__init__(self, *arguments, **options)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802  # the library's name
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                self.setFont(PLAIN, 6.5)
                self.setFillColor(reportlab("lib.colors").HexColor(_PALE))
                self.drawString(_MARGIN + _PADDING, _MARGIN - 12, below)
                self.drawRightString(_MARGIN + _PADDING + _WIDTH, _MARGIN - 12, f"Page {number} of {len(self._pages)}")
                base.showPage(self)
            base.save(self)

    return Numbered
