"""A small log, from the specification alone: it shares no code with the product.

`Diary` is the log of an operator who holds the key; `audit_packs` signs it and writes its packs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ORIGIN = "log.example/ledger"
SOURCE = f"urn:intaglio:log:{ORIGIN}"
LOG_KEY = Ed25519PrivateKey.from_private_bytes(b"log key of the tests, 32 bytes!!")
HOLDER_KEY = Ed25519PrivateKey.from_private_bytes(b"holder key of the tests 32 bytes")
START = datetime(2026, 11, 2, 10, 0, 0, tzinfo=UTC)
PERIOD = "2026-11"
ZEROS = "0" * 64

Json = dict[str, Any]


def canonical(value: Any) -> bytes:
    """RFC 8785 for what these tests write: ASCII keys and whole numbers."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def vkey(name: str, key: Ed25519PrivateKey, kind: int = 1) -> str:
    raw = bytes([kind]) + key.public_key().public_bytes_raw()
    identity = sha256(name.encode() + b"\n" + raw)[:8]
    return f"{name}+{identity}+{base64.b64encode(raw).decode()}"


def note(text: str, key: Ed25519PrivateKey = LOG_KEY, name: str = ORIGIN) -> bytes:
    raw = bytes.fromhex(vkey(name, key).split("+")[1]) + key.sign(text.encode())
    return f"{text}\n— {name} {base64.b64encode(raw).decode()}\n".encode()


def digest_note(schema: str, data: bytes) -> bytes:
    return note(f"{schema}\n{ORIGIN}\n{sha256(data)}\n")


def moment(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def amount(nanos: int, currency: str = "EUR") -> Json:
    return {"nanos": str(nanos), "currency": currency}


def posting(account: str, nanos: int, currency: str = "EUR") -> Json:
    return {"account": account, "amount": amount(nanos, currency)}


def license_document(**changes: Any) -> Json:
    """A license of acme; ``changes`` replace whole members."""
    return {
        "schema": "model-license/1",
        "id": "acme/ink",
        "version": 1,
        "work": {"name": "Ink", "kind": "lora"},
        "holder": {"id": "acme", "name": "Acme Studios", "keys": [vkey("acme.example", HOLDER_KEY)]},
        "subject": [{"role": "lora", "digest": "sha256:" + "1" * 64}],
        "grant": {"model_use": ["generate"]},
        "fee": {"per": "picture", "amount": "0.004", "currency": "EUR"},
    } | changes


def envelope(document: Json, key: Ed25519PrivateKey = HOLDER_KEY, name: str = "acme.example") -> bytes:
    """The document in a DSSE envelope."""
    payload, kind = canonical(document), b"application/vnd.intaglio.model-license+json"
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    keyid = "+".join(vkey(name, key).split("+")[:2])
    signature = {"keyid": keyid, "sig": base64.b64encode(key.sign(message)).decode()}
    whole = {"payload": base64.b64encode(payload).decode(), "payloadType": kind.decode(), "signatures": [signature]}
    return canonical(whole)


def tag_key(holder: str) -> bytes:
    return hashlib.sha256(b"tag key of " + holder.encode()).digest()


def tag(holder: str) -> str:
    return sha256(tag_key(holder) + holder.encode())[:32]


@dataclass
class Entry:
    """One entry: what a test may change before the pack is written."""

    leaf: Json
    event: Json
    salt: bytes
    recommit: bool = True  # whether the leaf commits to the event as it is in the end

    def leaf_bytes(self) -> bytes:
        return canonical(self.leaf)

    def leaf_hash(self) -> bytes:
        return hashlib.sha256(b"\0" + self.leaf_bytes()).digest()

    def line(self) -> bytes:
        return b"\t".join([self.salt.hex().encode(), self.leaf_bytes(), canonical(self.event)]) + b"\n"


@dataclass
class Diary:
    """The log of an operator, before it is signed."""

    entries: list[Entry] = field(default_factory=list[Entry])
    documents: dict[str, bytes] = field(default_factory=dict[str, bytes])  # envelopes by SHA-256
    plain: dict[str, Json] = field(default_factory=dict[str, Json])
    clock: datetime = START
    closed: str | None = None

    def add(
        self,
        kind: str,
        event_id: str,
        data: Json,
        holders: Sequence[str] = (),
        *,
        source: str = SOURCE,
        time: datetime | None = None,
        period: str | None = None,
    ) -> Entry:
        """Write an entry at the end. Its place in the sequences of its holders is found by `chain`."""
        self.clock += timedelta(seconds=7)
        event = {
            "specversion": "1.0",
            "id": event_id,
            "source": source,
            "type": f"org.intaglio.ledger.{kind}",
            "time": moment(time or self.clock),
            "datacontenttype": "application/json",
            "dataschema": "urn:intaglio:ledger-event:1",
            "data": data,
        }
        leaf = {
            "schema": "ledger-leaf/2",
            "index": len(self.entries),
            "kind": kind,
            "at": moment(self.clock),
            "period": period or moment(time or self.clock)[:7],
            "commitment": "",
            "holders": [{"tag": tag(holder), "seq": -1, "prev": ""} for holder in sorted(holders, key=tag)],
        }
        entry = Entry(leaf, event, hashlib.sha256(b"salt" + event_id.encode()).digest()[:16])
        self.entries.append(entry)
        return entry

    def publish(self, document: Json, signed: bytes | None = None) -> Entry:
        """Publish a license document."""
        digest = sha256(canonical(document))
        self.documents[digest] = envelope(document) if signed is None else signed
        self.plain[digest] = document
        holder = document["holder"]["id"]
        data = {
            "license": document["id"],
            "version": document["version"],
            "license_sha256": digest,
            "holder": holder,
            "signed_by": vkey("acme.example", HOLDER_KEY),
        }
        return self.add("license.publish", f"license.publish:{digest}", data, [holder])

    def commit(self, document: Json, picture: str, *, account: str = "studio", **changes: Any) -> Entry:
        """Deliver a picture under a license."""
        units = changes.pop("units", {"pictures": 1, "pixels": 250_000, "steps": 20, "calls": 1})
        time = changes.pop("time", None)
        digest, fee = sha256(canonical(document)), price(document, units)
        parts = split(document, fee)
        call = changes.pop("call", sha256(picture.encode())[:32])
        data: Json = {
            "call": call,
            "account": account,
            "picture": picture,
            "license": document["id"],
            "license_sha256": digest,
            "works": [{"role": "lora", "digest": "sha256:" + "1" * 64}],
            "units": units,
            "fee": amount(fee),
            "postings": [posting(f"payable/{account}", -fee), *(posting(f"accrued/{h}", n) for h, n in parts.items())],
            "authorized": f"authorize:{call}",
        }
        return self.add("commit", f"commit:{picture}:{document['id']}", data | changes, list(parts), time=time)

    def void(self, commit: Entry, **changes: Any) -> Entry:
        """Take a picture back."""
        data = commit.event["data"]
        mirrored = [posting(p["account"], -int(p["amount"]["nanos"])) for p in data["postings"]]
        back: Json = {name: data[name] for name in ("call", "account", "picture", "license", "license_sha256")}
        back |= {
            "units": {name: -count for name, count in data["units"].items()},
            "fee": amount(-int(data["fee"]["nanos"])),
            "postings": mirrored,
            "reason": "a test",
            "target": commit.event["id"],
        }
        holders = [p["account"].removeprefix("accrued/") for p in mirrored if p["account"].startswith("accrued/")]
        return self.add("void", f"void:{data['picture']}:{data['license']}", back | changes, holders)

    def correct(self, commit: Entry, nanos: int, **changes: Any) -> Entry:
        """Give a picture another fee, for a license of one holder."""
        data = commit.event["data"]
        account, (holder,) = data["account"], [p["account"] for p in data["postings"][1:]]
        mirrored = [posting(p["account"], -int(p["amount"]["nanos"])) for p in data["postings"]]
        new: Json = {name: data[name] for name in ("call", "account", "picture", "license", "license_sha256")}
        new |= {
            "units": {"pictures": 0, "pixels": 0, "steps": 0, "calls": 0},
            "fee": amount(nanos),
            "postings": [*mirrored, posting(f"payable/{account}", -nanos), posting(holder, nanos)],
            "reason": "a test",
            "target": commit.event["id"],
        }
        event_id = f"correct:{data['picture']}:{data['license']}:1"
        return self.add("correct", event_id, new | changes, [holder.removeprefix("accrued/")])

    def chain(self, *, renumber: bool = True) -> None:
        """Commit to the events, and give every holder of every leaf its number and the hash before it."""
        heads: dict[str, tuple[int, str]] = {}
        for index, entry in enumerate(self.entries):
            if renumber:
                entry.leaf["index"] = index
            if entry.recommit:
                entry.leaf["commitment"] = sha256(entry.salt + canonical(entry.event))
            for place in entry.leaf["holders"]:
                seq, prev = heads.get(place["tag"], (0, ZEROS))
                if renumber:
                    place["seq"], place["prev"] = seq, prev
            for place in entry.leaf["holders"]:
                heads[place["tag"]] = (place["seq"] + 1, entry.leaf_hash().hex())


def price(document: Json, units: Mapping[str, int]) -> int:
    counted = {"picture": units["pictures"], "step": units["steps"], "call": units["calls"]}
    return int(Decimal(document["fee"]["amount"]) * 10**9) * counted.get(document["fee"]["per"], 0)


def split(document: Json, fee: int) -> dict[str, int]:
    """For shares that divide the fees of these tests without a rest."""
    alone: list[Json] = [{"holder": document["holder"], "ppm": 1_000_000}]
    shares: list[Json] = document.get("split") or alone
    found: dict[str, int] = {share["holder"]["id"]: fee * share["ppm"] // 1_000_000 for share in shares}
    assert sum(found.values()) == fee
    return dict(sorted(found.items()))


INK = license_document()
PAIR = license_document(
    id="duo/paint",
    fee={"per": "step", "amount": "0.001", "currency": "EUR"},
    split=[
        {"holder": {"id": "acme", "name": "Acme Studios"}, "ppm": 750_000},
        {"holder": {"id": "birch", "name": "Birch"}, "ppm": 250_000},
    ],
)


def month(pictures: int = 9) -> Diary:
    """Two licenses of acme, one of them shared with birch; pictures under both, and one that was taken back."""
    diary = Diary()
    diary.publish(INK)
    diary.publish(PAIR)
    for number in range(pictures):
        picture = f"{number:016x}"
        call = sha256(picture.encode())[:32]
        expires = moment(diary.clock + timedelta(minutes=10))
        data = {"call": call, "account": "studio", "pictures": 1, "expires_at": expires}
        diary.add("authorize", f"authorize:{call}", data)
        diary.commit(INK, picture)
        if number % 3 == 0:
            diary.commit(PAIR, picture)
    diary.void(next(entry for entry in diary.entries if entry.event["id"] == f"commit:{4:016x}:acme/ink"))
    return diary
