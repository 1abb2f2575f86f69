"""The rights holders of the demo: they sign their licenses, get their audit packs, and check them offline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from intaglio.guarding.log_keys import log_signer
from intaglio.guarding.press import Press
from intaglio.licensing import auditor, statements
from intaglio.licensing.license import License, read_license, sign_license
from intaglio.licensing.money import Money
from intaglio.licensing.transparency.notes import NoteSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What one holder was given, and what its own check of it said.

    Attributes:
        holder: Id of the holder.
        name: Its name.
        pack: The file that it was given.
        statement: What it is owed, line by line.
        checked: What was checked, by name.
        findings: What is wrong with the pack: nothing.
        tampered: What is wrong with a copy in which one byte was changed: the place.
    """

    holder: str
    name: str
    pack: Path
    statement: statements.Statement
    checked: dict[str, object]
    findings: tuple[str, ...]
    tampered: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the pack is whole, and the change to the copy was noticed."""
        return not self.findings and bool(self.tampered)

    @property
    def payable(self) -> tuple[Money, ...]:
        """What is to be paid."""
        return tuple(Money(each.payable, each.currency) for each in self.statement.totals)


def publish_licenses(press: Press, folder: Path, say: Callable[[str], None]) -> None:
    """Have every license in a folder signed by its holder, and publish it.

    The holders' keys are made here and thrown away: the demo plays all parts. A real holder keeps the key.
    """
    keys: dict[str, NoteSigner] = {}
    known = {each.id: each for each in press.ledger.licenses()[0]}
    for file in sorted(folder.glob("*.toml")):
        document = read_license(file.read_bytes(), source=file.name)
        if not _is_in_force(document, known.get(document.id)):
            name = f"{document.holder_id.rpartition(':')[2]}.example"
            key = keys.setdefault(document.holder_id, NoteSigner.generate(name))
            press.ledger.publish(sign_license(document, key))
        say(f"Licensed: {document.work_name} of {document.holder_name}, {document.fee} per picture")


def _is_in_force(document: License, published: License | None) -> bool:
    return published is not None and published.version >= document.version


def audits(out: Path, press: Press, say: Callable[[str], None]) -> Iterator[Audit]:
    """Write the audit pack of every holder into a folder, and check it as the holder would."""
    period = f"{datetime.now(UTC):%Y-%m}"
    signer = log_signer(press.settings)
    for holder, name in statements.holders(press.ledger).items():
        pack = statements.write_pack(press.ledger, holder, period, out, signer=signer, log=press.settings.log)
        say(f"Auditing {pack.name}")
        report = auditor.audit(pack, log_key=signer.vkey)
        yield Audit(
            holder=holder,
            name=name,
            pack=pack,
            statement=statements.statement(press.ledger, holder, period),
            checked=dict(report.facts),
            findings=tuple(str(each) for each in report.findings),
            tampered=_tampered(pack, signer.vkey),
        )


def _tampered(pack: Path, log_key: str) -> tuple[str, ...]:
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    copy = pack.with_name(f".{pack.name}")
    copy.write_bytes(data)
    try:
        return tuple(str(each) for each in auditor.audit(copy, log_key=log_key).findings)
    finally:
        copy.unlink()
