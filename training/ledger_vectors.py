"""Writes spec/vectors/ledger.json: one event of each kind, with its leaf.

python -m training.ledger_vectors
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intaglio.database import open_store
from intaglio.errors import LicenseRefused
from intaglio.generation import Request, Work
from intaglio.licensing.ledger import Adjustment, Delivered, Ledger
from intaglio.licensing.ledger.canonical import canonical
from intaglio.licensing.license import License, read_license, sign_license
from intaglio.licensing.money import Money
from intaglio.licensing.transparency.notes import NoteSigner

OUT = Path("spec/vectors/ledger.json")
LOG_KEY = NoteSigner("log.example/vectors", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
HOLDER_KEY = NoteSigner("holder.example", Ed25519PrivateKey.from_private_bytes(b"h" * 32))
PICTURES = [f"{number:016x}" for number in range(4)]


class Clock:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1, microseconds=1)
        return self.now


class Bytes:
    """Bytes that look random and are the same in every run."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, length: int) -> bytes:
        self.count += 1
        blocks = (hashlib.sha256(f"{self.count} {block}".encode()).digest() for block in range(length // 32 + 1))
        return b"".join(blocks)[:length]


def license_(name: str, **changes: Any) -> License:
    """A signed license for the work called ``name``."""
    document: dict[str, Any] = {
        "schema": "model-license/1",
        "id": f"license-{name}",
        "version": 1,
        "work": {"name": name, "kind": "base"},
        "holder": {"id": f"holder-{name}", "name": "A holder"},
        "subject": [{"role": "unet", "digest": digest(name)}],
        "grant": {"model_use": ["generate"]},
        "fee": {"per": "picture", "amount": "0.004", "currency": "EUR"},
    } | changes
    return sign_license(read_license(rfc8785.dumps(document), source="vectors"), HOLDER_KEY)


def digest(name: str) -> str:
    """A digest that stands for the tensors of a work called ``name``."""
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


def request(number: int, *names: str) -> Request:
    """The call with this number."""
    works = tuple(Work(role="unet", name=name, digest=digest(name)) for name in names)
    return Request(id=f"{number:032x}", works=works, account="studio \u00df \U0001f600", software=("Tiny", "1"))


def fill(ledger: Ledger, clock: Clock) -> None:
    """One entry of each kind."""
    minute = timedelta(minutes=1)
    shares = [{"holder": {"id": one, "name": one}, "ppm": ppm} for one, ppm in (("ada", 333_333), ("bob", 666_667))]
    base, lora = (
        license_("base"),
        license_("lora", split=shares, fee={"per": "megapixel", "amount": "0.01", "currency": "USD"}),
    )
    for one in (base, lora):
        ledger.publish(one)
    authorization = ledger.authorize(request(1, "base", "lora"), expires_after=minute)
    delivered = [Delivered(picture, "0" * 64, "urn:c2pa:x", 640, 480, 30) for picture in PICTURES[:2]]
    with ledger.store.transaction() as connection:
        ledger.commit(connection, authorization, delivered)
    ledger.release(ledger.authorize(request(2, "base"), expires_after=minute), "the pipeline failed")
    ledger.correct(PICTURES[1], lora.id, Money(5, "USD"), "a wrong rate")
    with ledger.store.transaction() as connection:
        ledger.void(connection, PICTURES[1], "the file never arrived")
    report(ledger, base, clock)
    amount = Money(-3, "EUR")
    ledger.adjust(
        Adjustment(reference="1", account="studio", holder="ada", amount=amount, reason="x", approved_by=("A", "B"))
    )
    disputed = f"commit:{PICTURES[0]}:{base.id}"
    ledger.dispute(disputed, "holder-base", "I was promised more")
    ledger.resolve(disputed, "holder-base", upheld=False, reason="the document says so")
    ledger.revoke(lora.id, "left")
    refuse(lambda: ledger.authorize(request(3, "lora"), expires_after=minute))
    ledger.fx_rate("EUR", "USD", "1.0875", rate_source="ECB", as_of="2026-05-31")
    ledger.canaries(hashlib.sha256(bytes(16) + canonical(PICTURES[2:])).hexdigest())
    close(ledger)
    ledger.reveal_canaries(PICTURES[2:], "00" * 16)
    ledger.payout("ada", "2026-06", Money(7, "EUR"))
    report(ledger, base, clock, "late")


def report(ledger: Ledger, base: License, clock: Clock, *ids: str) -> None:
    """A usage report, and one that is rejected."""
    data = {"account": "host", "license": base.id, "license_sha256": base.sha256, "units": {"pictures": 3}}
    event = {
        "specversion": "1.0",
        "id": "r-1",
        "source": "https://host.example/meter",
        "type": "org.intaglio.ledger.usage",
        "time": clock.now.isoformat(),
        "data": data,
    }
    with ledger.store.transaction() as connection:
        for event_id in ids or ("r-1", "r 2"):
            ledger.accept(connection, [event | {"id": event_id}])


def refuse(action: Callable[[], object]) -> None:
    """Does what a license does not permit."""
    try:
        action()
    except LicenseRefused:
        return
    raise AssertionError("it was permitted")


def close(ledger: Ledger) -> None:
    """A commitment, a close and a statement whose sums are made up."""
    with ledger.closing() as closing:
        sums: dict[str, Any] = {"accrued": [], "count": 0, "payable": []}
        data: dict[str, Any] = {
            "period": "2026-06",
            "size": closing.size,
            "holders": 0,
            "root": hashlib.sha256().hexdigest(),
            "sums": sums,
        }
        closing.append("period.commitment", f"period.commitment:2026-06:{closing.size}", data)
        closing.close_period("2026-06", data | {"size": closing.size})
    with ledger.store.transaction() as connection:
        issued = {"period": "2026-06", "holder": "ada", "statement_sha256": "0" * 64}
        ledger.record(connection, "statement.issue", issued, event_id="statement.issue:2026-06:ada")


def vectors() -> dict[str, Any]:
    """What the file holds."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, patch("os.urandom", Bytes()), patch("secrets.token_bytes", Bytes()):
        ledger = Ledger(open_store(Path(folder) / "store.db"), signer=LOG_KEY, now=clock)
        fill(ledger, clock)
        entries = list(ledger.entries())
        assert ledger.check() == []
        log, head = ledger.log(), ledger.head()
        receipts = [ledger.publish(license_("base")).to_json()]
        ledger.store.close()
    assert log is not None
    return {
        "source": "Made by this project: python -m training.ledger_vectors. The canonical forms are compared with the "
        "rfc8785 package, the root with a naive tree.",
        "origin": log.origin,
        "log_key": LOG_KEY.vkey,
        "secret": log.secret.hex(),
        "entries": [
            {
                "event": entry.payload.decode(),
                "salt": entry.salt.hex(),
                "leaf": entry.leaf.decode(),
                "leaf_hash": entry.leaf_hash.hex(),
                "holders": list(entry.holders),
                "effective_period": entry.effective_period,
            }
            for entry in entries
        ],
        "size": head.size,
        "root": head.root.hex(),
        "receipts": receipts,
    }


if __name__ == "__main__":
    OUT.write_text(json.dumps(vectors(), indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{OUT} is written.")
