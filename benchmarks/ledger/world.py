"""The world of the runs: holders with signed licenses, a log with a key, calls, and reports of usage."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intaglio.database import Store
from intaglio.generation import Request, Use, Work
from intaglio.licensing.ledger import Ledger
from intaglio.licensing.license import License, read_license, sign_license
from intaglio.licensing.transparency.notes import NoteSigner

MONTH = datetime(2026, 10, 1, tzinfo=UTC)
NOW = MONTH + timedelta(days=20)
AFTER = MONTH + timedelta(days=36)  # when the month is over, and its days of grace too
PERIOD = "2026-10"
HOLDERS = 100
# Ids in no order, as those of real reporters are: an index that only grows at its end would look too good.
_SPREAD = 0x9E3779B97F4A7C15

USE = Use(purpose="commercial", territory="DE")

# Keys of the benchmark, no secrets.
LOG_KEY = NoteSigner("log.bench.example", Ed25519PrivateKey.from_private_bytes(b"l" * 32))
HOLDER_KEY = NoteSigner("holder.bench.example", Ed25519PrivateKey.from_private_bytes(b"h" * 32))


def digest(name: str) -> str:
    """A digest that stands for the tensors of a work."""
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


def license_of(number: int) -> License:
    """The license of one holder: a price for each picture, a term, a territory and a duty."""
    name = f"work-{number:03}"
    document: dict[str, Any] = {
        "schema": "model-license/1",
        "id": f"holder-{number:03}/{name}",
        "version": 1,
        "work": {"name": name, "kind": "lora" if number else "base"},
        "holder": {"id": f"holder-{number:03}", "name": f"Holder {number}"},
        "subject": [{"role": "unet", "digest": digest(name)}],
        "grant": {"model_use": ["generate"], "output_use": ["personal", "commercial"]},
        "constraints": {
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": "2027-01-01T00:00:00Z",
            "territory": {"deny": ["AQ"]},
        },
        "fee": {"per": "picture", "amount": f"0.0{number % 9 + 1}", "currency": "EUR"},
        "duties": {"attribution": f"Made with {name}", "mark": True},
    }
    return sign_license(read_license(rfc8785.dumps(document), source="benchmark"), HOLDER_KEY)


def licenses(count: int = HOLDERS) -> list[License]:
    """One license for each holder."""
    return [license_of(number) for number in range(count)]


def ledger_of(store: Store, now: datetime = NOW) -> Ledger:
    """The ledger of a store, at a time."""
    return Ledger(store, signer=LOG_KEY, now=lambda: now)


def begin(store: Store, count: int = HOLDERS) -> Ledger:
    """A ledger in which every holder has published its license."""
    ledger = ledger_of(store)
    for one in licenses(count):
        ledger.publish(one)
    ledger.drain()
    return ledger


def request(number: int, works: int) -> Request:
    """A call of so many works of different holders."""
    used = tuple(
        Work(role="unet", name=name, digest=digest(name)) for name in (f"work-{place:03}" for place in range(works))
    )
    return Request(id=f"{number:032x}", works=used, account="studio", software=("bench", "1"), use=USE)


def reports(source: str, published: list[License], start: int, count: int) -> Iterator[dict[str, Any]]:
    """Usage as others report it, spread over the holders and over the month."""
    for number in range(start, start + count):
        license_ = published[number % len(published)]
        moment = MONTH + timedelta(seconds=number % 1_700_000, microseconds=number % 1_000_000)
        yield {
            "specversion": "1.0",
            "type": "org.intaglio.ledger.usage",
            "source": source,
            "id": f"{number * _SPREAD % 2**64:016x}",
            "time": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "datacontenttype": "application/json",
            "data": {
                "account": f"studio-{number % 7}",
                "license": license_.id,
                "license_sha256": license_.sha256,
                "units": {"pictures": 1, "pixels": 1024 * 1024, "steps": 20, "calls": 1},
                "reference": f"job-{number}",
            },
        }
