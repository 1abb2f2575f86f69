"""CSV, Parquet and PDF: the same lines, whole, for other readers."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
import zlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.errors import ConfigurationError
from intaglio.licensing.money import Money
from intaglio.licensing.statements import Statement, read_statement, to_csv, to_parquet, to_pdf
from intaglio.licensing.statements.pdf_text import marked_up, not_embedded
from intaglio.licensing.statements.statement import totals
from statement_vectors import STATEMENTS, about, full, line, nil

VECTORS: dict[str, Any] = json.loads(STATEMENTS.read_bytes())


def table(statement: Statement) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(statement).decode(), newline="")))


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["name"])
def test_csv_is_as_in_the_vectors(vector: dict[str, Any]) -> None:
    statement = read_statement(vector["canonical"].encode(), source="test")
    assert to_csv(statement).decode() == vector["csv"]


def test_csv_carries_its_header_and_control_totals() -> None:
    rows = table(full())
    lines = [row for row in rows if row["record"] == "LINE"]
    foot = {row["name"]: row["value"] for row in rows if row["record"] == "FOOT"}
    head = {row["name"]: row["value"] for row in rows if row["record"] == "HEAD"}
    assert head["holder.id"] == "acme"
    assert (int(foot["lines"]), int(foot["count"])) == (len(lines), sum(int(row["count"]) for row in lines))
    assert foot["sha256"] == full().sha256()
    assert list(foot)[-1] == "sha256"
    for currency in ("EUR", "JPY", "KWD"):
        said = {
            row["name"]: int(row["nanos"]) for row in rows if (row["record"], row["currency"]) == ("TOTAL", currency)
        }
        mine = [row for row in lines if row["currency"] == currency and row["type"] != "payout"]
        assert sum(int(row["nanos"]) for row in mine) == said["payable"]
    assert all(int(row["nanos"]) == Decimal(row["amount"]) * 10**9 for row in lines)


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=40))
def test_no_cell_of_csv_is_a_formula(text: str) -> None:
    lines = (line("usage", -5, **about(license=text, account=text)),)
    rows = table(replace(full(), lines=lines, totals=totals(lines), fx=(), holder_name=text))
    cells = [row[name] for row in rows for name in ("license", "account", "value", "name")]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r") and cell[:1]]
    (row,) = [row for row in rows if row["record"] == "LINE"]
    assert row["license"].removeprefix("'") == text.removeprefix("'")
    assert row["nanos"] == "-5"


def test_parquet_has_the_lines_and_the_statement(tmp_path: Path) -> None:
    parquet: Any = pytest.importorskip("pyarrow.parquet")
    (tmp_path / "one.parquet").write_bytes(to_parquet(full()))
    found = parquet.read_table(tmp_path / "one.parquet")
    assert found.schema.metadata[b"royalty-statement/1"] == full().to_bytes()
    rows = found.to_pylist()
    assert [row["nanos"] for row in rows] == [Decimal(one.amount.nanos) for one in full().lines]
    assert [row["license"] for row in rows] == [one.license for one in full().lines]
    assert [(row["first_leaf"], row["last_leaf"]) for row in rows] == [
        one.leaves or (None, None) for one in full().lines
    ]
    assert to_parquet(full()) == to_parquet(full())
    (tmp_path / "nil.parquet").write_bytes(to_parquet(nil()))
    assert parquet.read_table(tmp_path / "nil.parquet").schema.equals(found.schema)


def pages(data: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b(?!s)", data))


def test_pdf_is_the_same_each_time_and_as_long_as_it_must_be() -> None:
    assert to_pdf(full()) == to_pdf(full())
    assert to_pdf(full()).startswith(b"%PDF-")
    assert pages(to_pdf(nil())) == 1
    lines = tuple(line("usage", 10**9 * place, **about(account=f"account-{place:03}")) for place in range(100))
    many = replace(full(), lines=lines, totals=totals(lines), fx=())
    assert pages(to_pdf(many)) == 4
    assert to_pdf(many) != to_pdf(replace(many, state="open"))


def test_fonts_of_latin_letters_are_embedded() -> None:
    assert b"/FontFile2" in to_pdf(full())


@settings(max_examples=25, deadline=None)
@given(name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=600))
def test_any_name_makes_a_page(name: str) -> None:
    lines = (line("usage", 1, **about(license=name, account=name)),)
    one = replace(full(), holder_name=name, lines=lines, totals=totals(lines), fx=())
    assert pages(to_pdf(one)) >= 1


def test_every_letter_is_shown_or_named() -> None:
    assert marked_up("Ada Łovelace <b>&") == "Ada Łovelace &lt;b&gt;&amp;"
    assert marked_up("任") == '<font name="HeiseiMin-W3">任</font>'
    assert marked_up("한") == '<font name="HYSMyeongJo-Medium">한</font>'
    assert marked_up("ع😀") == "&lt;U+0639&gt;&lt;U+1F600&gt;"
    assert marked_up("\n") == "&lt;U+000A&gt;"
    assert not_embedded("Aé任한ع") == {"任", "한"}


def test_large_amounts_are_whole_in_every_rendering() -> None:
    huge = line("usage", 2**63 - 1, "VND", **about())
    carry = line("rounding", -(2**63 - 1) % 10**9 - 10**9, "VND")
    lines = (huge, carry)
    one = replace(full(), lines=lines, totals=totals(lines), fx=())
    assert "9223372036.854775807" in to_csv(one).decode()
    assert pages(to_pdf(one)) == 1
    assert str(Money(2**63 - 1, "VND")).startswith("9223372036.854775807")
    assert zlib.adler32(to_parquet(one))


@pytest.mark.parametrize(("library", "render"), [("pyarrow", to_parquet), ("reportlab.platypus", to_pdf)])
def test_a_library_that_is_missing_is_named(library: str, render: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigurationError, match=r"pip install 'intaglio\[statements\]'"):
        render(full())
