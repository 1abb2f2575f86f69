"""The commands of ``intaglio ledger`` that add an entry: reports, corrections, disputes, payments, canaries."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from typing import IO, Any, cast

import click

from intaglio.cli.opened import opened
from intaglio.errors import ConfigurationError
from intaglio.licensing.auditor.odds import canaries_needed, chance_to_notice
from intaglio.licensing.ledger import Adjustment, Receipt, Rejection
from intaglio.licensing.ledger.canonical import canonical
from intaglio.licensing.money import Money

_JSON = click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON.")
_REASON = click.option("--reason", required=True, help="Why; it stays in the ledger.")
_AMOUNT = click.option("--amount", required=True, help="A decimal number, e.g. 0.004.")
_CURRENCY = click.option("--currency", required=True, help="ISO 4217 code, e.g. EUR.")
_DROPPED = (0.05, 0.01, 0.001)
_BATCH = 1000  # reports in one transaction
_MAX_LINE = 1 << 20  # characters of one report; what is too long for an entry is then rejected with a record


@click.command()
@click.argument("file", type=click.File("r", encoding="utf-8", errors="strict"))
@click.option("--json", "as_json", is_flag=True, help="Print an answer for each report, one JSON object a line.")
def record(file: IO[str], as_json: bool) -> None:
    """Take in usage that others report: FILE has one CloudEvent (spec/ledger.md) a line; - reads standard input.

    Reporting again changes nothing. What cannot be recorded is recorded as rejected; exit code 1 then.
    """
    rejected = 0
    with opened() as book:
        for batch in _batches(file):
            with book.ledger.store.transaction() as connection:
                answers = book.ledger.accept(connection, batch)
            for answer in answers:
                rejected += isinstance(answer, Rejection)
                _tell(answer, as_json)
        book.ledger.drain()
    sys.exit(1 if rejected else 0)


@click.command()
@click.argument("picture")
@click.argument("license_id")
@_AMOUNT
@_CURRENCY
@_REASON
@_JSON
def correct(picture: str, license_id: str, amount: str, currency: str, reason: str, as_json: bool) -> None:
    """Say that PICTURE owes another fee under a license; the entry that is corrected stays."""
    with opened() as book:
        _tell(book.ledger.correct(picture, license_id, _money(amount, currency), reason), as_json)


@click.command()
@click.argument("picture")
@_REASON
@_JSON
def void(picture: str, reason: str, as_json: bool) -> None:
    """Say that PICTURE is not owed for after all; the entries that are taken back stay."""
    with opened() as book:
        with book.ledger.store.transaction() as connection:
            receipts = book.ledger.void(connection, picture, reason)
        for receipt in receipts:
            _tell(receipt, as_json)
    if not receipts:
        raise ConfigurationError(f"Nothing is owed for the picture {picture!r}; see `intaglio ledger list`.")


@click.command()
@click.option("--reference", required=True, help="What makes it one of its kind, e.g. the number of a voucher.")
@click.option("--account", required=True, help="Who owes it, or gets it back when the amount is negative.")
@click.option("--holder", required=True, help="To whom.")
@_AMOUNT
@_CURRENCY
@_REASON
@click.option("--approved-by", "approved_by", nargs=2, required=True, help="The names of two people.")
@click.option("--license", "license_id", help="The license that it is about.")
@_JSON
def adjust(
    *,
    reference: str,
    account: str,
    holder: str,
    amount: str,
    currency: str,
    reason: str,
    approved_by: tuple[str, str],
    license_id: str | None,
    as_json: bool,
) -> None:
    """Put an amount on a holder's account by hand; two people must approve."""
    made = Adjustment(
        reference=reference,
        account=account,
        holder=holder,
        amount=_money(amount, currency),
        reason=reason,
        approved_by=approved_by,
        license=license_id,
    )
    with opened() as book:
        _tell(book.ledger.adjust(made), as_json)


@click.command()
@click.argument("event")
@click.option("--holder", required=True, help="Who disputes it.")
@_REASON
@_JSON
def dispute(event: str, holder: str, reason: str, as_json: bool) -> None:
    """Say that a holder disputes the entry of EVENT (its id); the amount is held until it is resolved."""
    with opened() as book:
        _tell(book.ledger.dispute(event, holder, reason), as_json)


@click.command()
@click.argument("event")
@click.option("--holder", required=True, help="Who disputed it.")
@click.option("--upheld/--rejected", required=True, default=None, help="How it ended.")
@_REASON
@_JSON
def resolve(event: str, holder: str, upheld: bool, reason: str, as_json: bool) -> None:
    """Say how the dispute of EVENT ended."""
    with opened() as book:
        _tell(book.ledger.resolve(event, holder, upheld=upheld, reason=reason), as_json)


@click.command()
@click.option("--holder", required=True, help="Who was paid.")
@click.option("--period", required=True, help="For which month.")
@_AMOUNT
@_CURRENCY
@_JSON
def payout(holder: str, period: str, amount: str, currency: str, as_json: bool) -> None:
    """Say that a holder was paid."""
    with opened() as book:
        _tell(book.ledger.payout(holder, period, _money(amount, currency)), as_json)


@click.group()
def canary() -> None:
    """Pictures that a holder has made in secret, to see whether every use is logged."""


@canary.command()
@click.argument("commitment")
@_JSON
def commit(commitment: str, as_json: bool) -> None:
    """Write the COMMITMENT to a list of pictures, which `canary new` made, before anybody knows the list."""
    if not re.fullmatch("[0-9a-f]{64}", commitment):
        raise ConfigurationError("A commitment is 64 lowercase hex digits, as `intaglio ledger canary new` prints it.")
    with opened() as book:
        _tell(book.ledger.canaries(commitment), as_json)


@canary.command()
@click.argument("salt")
@click.argument("pictures", nargs=-1, required=True)
@_JSON
def reveal(salt: str, pictures: tuple[str, ...], as_json: bool) -> None:
    """Write the list of PICTURES (ids) that a commitment was to, and its SALT."""
    with opened() as book:
        _tell(book.ledger.reveal_canaries(pictures, salt), as_json)


@canary.command()
@click.argument("pictures", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def new(pictures: tuple[str, ...], as_json: bool) -> None:
    """Print commitment and salt for a list of PICTURES (ids), and the odds. For the holder: no ledger is needed."""
    salt = secrets.token_bytes(16)
    commitment = hashlib.sha256(salt + canonical(sorted(pictures))).hexdigest()
    odds = {f"{share:.1%}": round(chance_to_notice(len(pictures), share), 4) for share in _DROPPED}
    document = {"commitment": commitment, "salt": salt.hex(), "pictures": sorted(pictures), "noticed": odds}
    if as_json:
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"Commitment: {commitment}\nSalt:       {salt.hex()}  (keep it secret until you reveal the list)")
    for share, chance in odds.items():
        click.echo(f"If {share} of all uses are not logged, {len(pictures)} canaries notice it with {chance:.1%}.")
    click.echo(f"For 1% and 95% you need {canaries_needed(0.01)}, for 0.1% {canaries_needed(0.001)}.")


COMMANDS = (record, correct, void, adjust, dispute, resolve, payout, canary)


def _batches(file: IO[str]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    for number, text in enumerate(_lines(file), start=1):
        if text.strip():
            batch.append(_report(text, number))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch


def _lines(file: IO[str]) -> Iterator[str]:
    try:
        while text := file.readline(_MAX_LINE):
            yield text
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"The reports are not UTF-8 ({error.reason}); send them again in UTF-8.") from error


def _report(text: str, number: int) -> Mapping[str, Any]:
    """What is not even a JSON object is kept as text, so that its rejection is recorded too."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return cast("dict[str, Any]", found)
    return {"id": f"line {number}", "source": "not JSON", "data": text[:200]}


def _money(amount: str, currency: str) -> Money:
    try:
        return Money.parse(amount, currency)
    except ValueError as error:
        raise ConfigurationError(f"{error}.") from error


def _tell(answer: Receipt | Rejection, as_json: bool) -> None:
    if isinstance(answer, Rejection):
        document = {"rejected": True, "source": answer.source, "id": answer.id, "reason": answer.reason}
        text = f"{answer.source} {answer.id} is rejected: {answer.reason}."
    else:
        document = {"rejected": False, **answer.to_json()}
        text = f"{answer.kind} {answer.id} is recorded, digest {answer.digest}."
    click.echo(json.dumps(document) if as_json else text, err=isinstance(answer, Rejection) and not as_json)
