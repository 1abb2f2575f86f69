"""The statement as a document: its one spelling, its reader, and what is refused."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from jsonschema import Draft202012Validator

from histories import SIGNER, Studio
from intaglio.errors import ConfigurationError
from intaglio.licensing.money import Money
from intaglio.licensing.statements import read_statement, statements, write_pack
from intaglio.licensing.statements.amounts import exact, shown, whole
from intaglio.licensing.transparency.sumrows import Row, Sums
from intaglio.licensing.transparency.sumtree import Step, row_hash, verify_path
from licenses import license_
from statement_vectors import PACKS, STATEMENTS, full, line, pack_vectors, statement_vectors

SCHEMA: dict[str, Any] = json.loads(Path("spec/royalty-statement.schema.json").read_bytes())
VECTORS: dict[str, Any] = json.loads(STATEMENTS.read_bytes())
ROWS: dict[str, Any] = json.loads(PACKS.read_bytes())


def test_the_vectors_are_what_their_command_writes() -> None:
    assert statement_vectors() == VECTORS
    assert pack_vectors() == ROWS


@pytest.mark.parametrize("vector", VECTORS["accepted"], ids=lambda vector: vector["name"])
def test_a_statement_is_read_as_it_was_written(vector: dict[str, Any]) -> None:
    data = rfc8785.dumps(vector["statement"])
    assert data.decode() == vector["canonical"]
    assert hashlib.sha256(data).hexdigest() == vector["sha256"]
    Draft202012Validator(SCHEMA).validate(vector["statement"])  # pyright: ignore[reportUnknownMemberType]
    read = read_statement(data, source="test")
    assert (read.to_bytes(), read.to_json()) == (data, vector["statement"])


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["name"])
def test_what_contradicts_itself_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"^test: .*{vector['cause']}"):
        read_statement(rfc8785.dumps(vector["statement"]), source="test")


def test_another_spelling_is_refused() -> None:
    for data in (json.dumps(full().to_json()).encode(), b" " + full().to_bytes(), full().to_bytes() + b"\n"):
        with pytest.raises(ConfigurationError, match="not in the canonical form"):
            read_statement(data, source="test")
    for data in (b"", b"{", b"[]", b"\xff", b"null"):
        with pytest.raises(ConfigurationError):
            read_statement(data, source="test")


def test_a_payable_that_cannot_be_paid_is_refused() -> None:
    document = full().to_json()
    document["lines"] = [{**one, "nanos": "-1"} if one["type"] == "rounding" else one for one in document["lines"]]
    with pytest.raises(ConfigurationError):
        read_statement(rfc8785.dumps(document), source="test")


def test_real_statements_are_valid(studio: Studio) -> None:
    studio.make("shared", "yen", "dinar", "tiered", pictures=7)
    for one in statements(studio.ledger, "2026-06"):
        Draft202012Validator(SCHEMA).validate(one.to_json())  # pyright: ignore[reportUnknownMemberType]
        assert read_statement(one.to_bytes(), source="test") == one


def test_the_manifest_of_a_pack_is_valid(studio: Studio, tmp_path: Path) -> None:
    schema: dict[str, Any] = json.loads(Path("spec/audit-pack.schema.json").read_bytes())
    studio.ledger.publish(license_("other", holder={"id": "a/b:c", "name": "任天堂"}))
    studio.make("shared", "yen")
    for holder in ("ada", "a/b:c", None):
        path = write_pack(studio.ledger, holder, "2026-06", tmp_path, signer=SIGNER)
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(archive.read("pack.json"))
        Draft202012Validator(schema).validate(manifest)  # pyright: ignore[reportUnknownMemberType]


def test_the_trees_of_the_vectors_add_up() -> None:
    rows = [Row.parse(one["row"]) for one in ROWS["rows"]]
    assert [row_hash(row).hex() for row in rows] == [one["hash"] for one in ROWS["rows"]]
    for tree in ROWS["trees"]:
        for row, path in zip(rows, tree["paths"], strict=False):
            steps = [Step.parse(step) for step in path]
            assert verify_path(row, steps, bytes.fromhex(tree["root"]), Sums.parse(tree["sums"]))


@pytest.mark.parametrize(
    ("nanos", "currency", "page"),
    [
        (0, "EUR", "0.00"),
        (1, "EUR", "0.000000001"),
        (-1_234_567_500_000_000, "EUR", "-1,234,567.50"),
        (12 * 10**9, "JPY", "12"),
        (12_500_000_000, "JPY", "12.5"),
        (1_500_000_000, "KWD", "1.500"),
        (10**9, "XXX", "1.00"),
    ],
)
def test_amounts_on_a_page(nanos: int, currency: str, page: str) -> None:
    assert shown(nanos, currency) == page
    assert Money.parse(exact(nanos), "EUR").nanos == nanos


def test_what_can_be_paid() -> None:
    assert whole(10**7, "EUR")
    assert not whole(10**6, "EUR")
    assert whole(10**6, "KWD")


def test_the_vectors_have_a_line_of_every_type() -> None:
    types: list[str] = SCHEMA["$defs"]["line"]["properties"]["type"]["enum"]
    assert {one.type for one in full().lines} == set(types)
    assert line("usage", 1).holder == "acme"
