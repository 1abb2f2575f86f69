"""License documents and calls for tests."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from intaglio.generation import Request, Work
from intaglio.licensing.license import License, read_license, sign_license
from intaglio.licensing.transparency.notes import NoteSigner

if TYPE_CHECKING:
    from intaglio.licensing.ledger import Authorization, Ledger, Owed, Receipt

KEY = NoteSigner("holder.example", Ed25519PrivateKey.from_private_bytes(b"h" * 32))
"""What every license of the tests is signed with: no secret."""

TOML = """
schema = "model-license/1"
id = "acme/tiny"
version = 1

[work]
name = "Tiny"
kind = "base"

[holder]
id = "acme"
name = "Acme"

[[subject]]
role = "unet"
digest = "sha256:{digest}"

[grant]
model_use = ["generate"]

[constraints]
valid_from = 2026-01-01T00:00:00Z
valid_until = 2030-01-01T02:00:00+02:00

[fee]
per = "picture"
amount = "0.004"
currency = "EUR"

[duties]
attribution = "Made with Tiny"
mark = true

[output]
training = "notAllowed"

[text]
uri = "https://acme.example/terms"
""".replace("{digest}", "a" * 64)


def digest(name: str) -> str:
    """A digest that stands for the tensors of a work called ``name``."""
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


def work(name: str = "base") -> Work:
    """A work with a digest of its own."""
    return Work(role="unet", name=name, digest=digest(name))


def request(number: int, *works: Work) -> Request:
    """The call with this number."""
    return Request(id=f"{number:032x}", works=works or (work(),), account="studio", software=("Tiny", "1"))


def document(name: str = "base", **changes: Any) -> dict[str, Any]:
    """The document of a license for the work called ``name``."""
    return {
        "schema": "model-license/1",
        "id": f"license-{name}",
        "version": 1,
        "work": {"name": name, "kind": "base"},
        "holder": {"id": f"holder-{name}", "name": "A holder"},
        "subject": [{"role": "unet", "digest": digest(name)}],
        "grant": {"model_use": ["generate"]},
        "fee": {"per": "picture", "amount": "0.004", "currency": "EUR"},
    } | changes


def unsigned(name: str = "base", **changes: Any) -> License:
    """A license for the work called ``name``, which nobody signed."""
    return read_license(rfc8785.dumps(document(name, **changes)), source="test")


def license_(name: str = "base", **changes: Any) -> License:
    """A license for the work called ``name``, signed with `KEY`."""
    return sign_license(unsigned(name, **changes), KEY)


MINUTE = timedelta(minutes=1)
PICTURES = [f"{number:016x}" for number in range(10)]


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def deliver(ledger: Ledger, authorization: Authorization, *pictures: str) -> list[list[Owed]]:
    """Commits a call with these pictures."""
    from intaglio.licensing.ledger import Delivered

    with ledger.store.transaction() as connection:
        return ledger.commit(connection, authorization, [Delivered(picture) for picture in pictures])


def void(ledger: Ledger, picture: str) -> list[Receipt]:
    """Takes a picture back."""
    with ledger.store.transaction() as connection:
        return ledger.void(connection, picture, "the file never arrived")


def kinds(ledger: Ledger) -> list[str]:
    """The kinds of all entries."""
    return [entry.kind for entry in ledger.entries()]


def state(ledger: Ledger, call: str) -> str:
    """The state of a call's reservation."""
    with ledger.store.reading() as connection:
        query = text("SELECT state FROM reservation WHERE call = :call")
        return str(connection.execute(query, {"call": call}).scalar_one())
