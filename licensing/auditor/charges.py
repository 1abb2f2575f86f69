"""What a use must have cost by its license document, and how that must have been split. See royalties.md."""

from __future__ import annotations

from typing import Any, cast

from intaglio.licensing.auditor.arithmetic import allocate, decimal, nearest
from intaglio.licensing.auditor.documents import Document
from intaglio.licensing.auditor.events import Event, amount_of

COUNTED = {"picture": "pictures", "megapixel": "pixels", "step": "steps", "call": "calls"}
_ONE = {(1, 0), (1, 1)}  # a commit is about one picture, and the first of a call counts the call
# With it, a license whose work is not used itself, but built on, is owed a part. With the others it is owed its
# full price with a picture, or nothing, and then there is no commit.
_PARTIAL = "by_weight"


def counted(document: Document, units: dict[str, int]) -> int:
    """The units of an event in the unit of a license's fee."""
    return units.get(COUNTED[document.per], 0) if document.per in COUNTED else 0


def linear_price(document: Document, units: dict[str, int]) -> int:
    """Nanos for the units at the first price, without any tier, allowance or cap."""
    return nearest(document.amount * counted(document, units), document.divisor)


def check_charge(event: Event, document: Document, units: dict[str, int]) -> bool:
    """Compares a commit or a report of usage with the document that it was charged by.

    Returns:
        Whether the price follows from the document alone. It does not where no work of the license was used and
        it lets derived works pay by weight: the weight at which the derived work was used is not in the log.

    Raises:
        ValueError: The price or the split is another one. The message says which.
    """
    data = event.data
    if data.get("license") != document.id or data.get("license_sha256") != document.sha256:
        raise ValueError("the license that it names is not the one of the document with that SHA-256")
    currency, fee = amount_of(data)
    if min(units.values()) < 0 or (event.kind == "commit" and (units.get("pictures"), units.get("calls")) not in _ONE):
        raise ValueError("its units are not those of a use")
    partly = event.kind == "commit" and not _works(data, document)
    exact = _check_price(document, currency, fee, units, partly=partly)
    _check_split(event, document, currency, fee)
    return exact


def _works(data: dict[str, Any], document: Document) -> list[dict[str, Any]]:
    """The works of a license that were used: none where it is charged only for what is built on its work.

    Raises:
        ValueError: They are malformed, or the document is about other works.
    """
    works = data.get("works")
    if not isinstance(works, list):
        raise ValueError("it does not say which works of the license were used")
    found = cast("list[dict[str, Any]]", works)
    for work in found:
        if work.keys() not in ({"role", "digest"}, {"role", "model"}):
            raise ValueError("a work that it names is not a role with a digest or a model")
        if document.works is not None and work.get("digest", work.get("model")) not in document.works:
            raise ValueError("it names a work that the license is not about")
    return found


def _check_price(document: Document, currency: str, fee: int, units: dict[str, int], *, partly: bool) -> bool:
    expected = linear_price(document, units)
    if currency != document.currency:
        raise ValueError(f"it was charged in {currency}, and the license says {document.currency}")
    if fee == expected:
        return True
    if partly and _PARTIAL in document.rules and 0 <= fee < expected:
        return False
    raise ValueError(
        f"the fee is {decimal(fee, currency)}, and by the license document it is {decimal(expected, currency)}"
    )


def _check_split(event: Event, document: Document, currency: str, fee: int) -> None:
    if event.currency != currency or event.owed != {event.data.get("account"): -fee}:
        raise ValueError("the account is not charged exactly the fee")
    shares = document.shares
    if len(shares) == 1 and event.accrued == {shares[0][0]: fee}:
        return
    parts = [fee] if len(shares) == 1 else allocate(fee, [ppm for _, ppm in shares])
    expected = {holder: part for (holder, _), part in zip(shares, parts, strict=True)}
    if event.accrued == expected:
        return
    for holder in sorted(event.accrued.keys() | expected.keys()):
        was, should = event.accrued.get(holder), expected.get(holder)
        if was != should:
            has = "nothing" if was is None else decimal(was, currency)
            due = "nothing" if should is None else decimal(should, currency)
            raise ValueError(f"{holder} was credited {has}, and by the split of the license it is {due}")
