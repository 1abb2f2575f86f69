"""A large pack: every leaf is read once, and what is kept does not grow with what is read."""

from __future__ import annotations

import hashlib
import resource
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from audit_diary import (
    INK,
    LOG_KEY,
    ORIGIN,
    PERIOD,
    ZEROS,
    Diary,
    Json,
    amount,
    canonical,
    digest_note,
    moment,
    posting,
    sha256,
    tag,
    tag_key,
    vkey,
)
from audit_packs import checkpoint, sum_tree, tiles
from audit_statements import amounts, statement
from intaglio.licensing.auditor import audit

INK_SHA256 = sha256(canonical(INK))
WORK = "1" * 64


def lines(count: int, first: Diary, hashes: list[bytes]) -> Iterator[bytes]:
    """The publication, and so many commits, each made from text because there are many."""
    published = first.publish(INK)
    first.chain()
    yield published.line()
    prev = published.leaf_hash()
    hashes.append(prev)
    for number in range(1, count + 1):
        call = hashlib.sha256(b"%d" % number).hexdigest()
        picture, manifest = call[:16], call[::-1]
        at = moment(datetime(2026, 11, 3, tzinfo=UTC) + timedelta(seconds=number * 20 * 86_400 // (count + 1)))
        studio = f"studio{number % 7}"
        event = (
            f'{{"data":{{"account":"{studio}","authorized":"authorize:{call[:32]}","call":"{call[:32]}",'
            f'"fee":{{"currency":"EUR","nanos":"4000000"}},"license":"acme/ink","license_sha256":"{INK_SHA256}",'
            f'"manifest":"urn:c2pa:{manifest}","picture":"{picture}","postings":[{{"account":"payable/{studio}",'
            '"amount":{"currency":"EUR","nanos":"-4000000"}},{"account":"accrued/acme","amount":{"currency":"EUR",'
            f'"nanos":"4000000"}}}}],"sha256":"{call}","units":{{"calls":1,"pictures":1,"pixels":262144,"steps":20}},'
            f'"works":[{{"digest":"sha256:{WORK}","role":"lora"}}]}},"datacontenttype":"application/json",'
            f'"dataschema":"urn:intaglio:ledger-event:1","id":"commit:{picture}:acme/ink",'
            f'"source":"urn:intaglio:log:{ORIGIN}","specversion":"1.0","time":"{at}",'
            '"type":"org.intaglio.ledger.commit"}'
        ).encode()
        salt = hashlib.sha256(b"salt %d" % number).digest()[:16]
        committed = hashlib.sha256(salt + event).hexdigest()
        leaf = (
            f'{{"at":"{at}","commitment":"{committed}","holders":[{{"prev":"{prev.hex()}",'
            f'"seq":{number},"tag":"{tag("acme")}"}}],"index":{number},"kind":"commit","period":"{PERIOD}",'
            '"schema":"ledger-leaf/2"}'
        ).encode()
        prev = hashlib.sha256(b"\0" + leaf).digest()
        hashes.append(prev)
        yield salt.hex().encode() + b"\t" + leaf + b"\t" + event + b"\n"


def write(file: Path, count: int) -> None:
    """A pack with so many pictures, written piece by piece, and then once more in the right order."""
    _write_unordered(file.with_suffix(".tmp"), count)
    with zipfile.ZipFile(file.with_suffix(".tmp")) as source, zipfile.ZipFile(file, "w") as archive:
        names = sorted(source.namelist(), key=lambda name: (name != "pack.json", name != "pack.note", name))
        for name in names:
            archive.writestr(source.getinfo(name), source.read(name), compresslevel=1)
        archive.comment = b"-" * 71
    _seal(file)


def _write_unordered(file: Path, count: int) -> None:
    diary, hashes, files = Diary(), list[bytes](), dict[str, str]()
    with zipfile.ZipFile(file, "w") as archive:
        late: dict[str, bytes] = {}
        batch: list[bytes] = []
        named = 0

        def flush(name: str, data: bytes) -> None:
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr, info.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, data, compresslevel=1)
            files[name] = sha256(data)

        for line in lines(count, diary, hashes):
            batch.append(line)
            if len(batch) == 65_536:
                flush(f"entries/{named:06}.tsv", b"".join(batch))
                batch, named = [], named + 1
        late |= _close(diary, count, hashes, batch)
        flush(f"entries/{named:06}.tsv", b"".join(batch))
        for name, data in sorted((late | tiles(hashes) | {"checkpoint": checkpoint(hashes)}).items()):
            flush(name, data)
        manifest = canonical(_manifest(len(hashes), files))
        flush("pack.json", manifest)
        flush("pack.note", digest_note("audit-pack/1", manifest))


def _seal(file: Path) -> None:
    with file.open("r+b") as whole:
        hasher, left = hashlib.sha256(), file.stat().st_size - 71
        while left:
            piece = whole.read(min(left, 1 << 20))
            hasher.update(piece)
            left -= len(piece)
        whole.seek(-71, 2)
        whole.write(b"sha256:" + hasher.hexdigest().encode())


def _manifest(size: int, files: dict[str, str]) -> Json:
    holder = {"id": "acme", "name": "Acme Studios", "tag_key": tag_key("acme").hex()}
    about = {"schema": "audit-pack/1", "origin": ORIGIN, "log_key": vkey(ORIGIN, LOG_KEY), "holder": holder}
    return about | {"period": PERIOD, "state": "closed", "size": size, "files": files}


def _close(diary: Diary, count: int, hashes: list[bytes], batch: list[bytes]) -> dict[str, bytes]:
    """The last entries of the log; the rest of the members."""
    said = statement(Diary(), "acme") | {"holder": {"id": "acme", "name": "Acme Studios"}}
    accounts = sorted({f"studio{number % 7}" for number in range(1, count + 1)})
    usage = [_usage(account, [n for n in range(1, count + 1) if n % 7 == int(account[-1])]) for account in accounts]
    total = 4_000_000 * count
    payable = (total + 5_000_000) // 10**7 * 10**7
    if total % 10**7 == 5_000_000 and payable // 10**7 % 2:
        payable -= 10**7
    carry: Json = {"type": "rounding", "currency": "EUR", "nanos": str(payable - total), "effective_period": PERIOD}
    said["lines"] = usage + ([carry | {"units": "0", "count": 0, "leaves": None}] if payable != total else [])
    whole = {"accrued": total, "adjusted": 0, "brought_forward": 0, "payable": payable, "carried": total - payable}
    said["totals"] = [{"currency": "EUR", "paid": "0"} | {name: str(n) for name, n in whole.items()}]
    ends: Json = {"first_seq": 0, "last_seq": count, "last_hash": hashes[-1].hex(), "count": count + 1}
    said["entries"] = ends | {"first_index": 0, "last_index": count}
    row: Json = ends | {"tag": tag("acme"), "accrued": amounts({"EUR": total}), "payable": amounts({"EUR": payable})}
    root, sums, path = sum_tree([row])
    data = {"period": PERIOD, "size": count + 1, "holders": 1, "root": root, "sums": sums}
    diary.clock = datetime(2026, 12, 4, tzinfo=UTC)
    close = diary.add("period.close", f"period.close:{PERIOD}", data)
    said |= {"issued_at": close.leaf["at"]}
    said["control"] = {"lines": len(said["lines"]), "count": count, "root_of_period": root}
    issued = {"period": PERIOD, "holder": "acme", "statement_sha256": sha256(canonical(said))}
    issue = diary.add("statement.issue", f"statement.issue:{PERIOD}:acme", issued, ["acme"])
    for number, entry in enumerate((close, issue), count + 1):
        entry.leaf["index"], entry.leaf["commitment"] = number, sha256(entry.salt + canonical(entry.event))
        for place in entry.leaf["holders"]:
            place["seq"], place["prev"] = count + 1, hashes[count].hex()
        hashes.append(entry.leaf_hash())
    batch.append(issue.line())
    return {
        "period.tsv": close.line(),
        "row.json": canonical({"row": row, "path": path}),
        "statement.json": canonical(said),
        "statement.note": digest_note("royalty-statement/1", canonical(said)),
        f"licenses/{INK_SHA256}.json": diary.documents[INK_SHA256],
    }


def _usage(account: str, places: list[int]) -> Json:
    count = len(places)
    about = {"type": "usage", "license": "acme/ink", "license_sha256": INK_SHA256, "account": account}
    counts = {"per": "picture", "units": str(count), "count": count, "nanos": str(4_000_000 * count)}
    return about | counts | {"currency": "EUR", "leaves": [places[0], places[-1]], "effective_period": PERIOD}


def test_what_is_kept_is_a_few_bytes_for_each_leaf(tmp_path: Path) -> None:
    assert amount(4_000_000) == posting("accrued/acme", 4_000_000)["amount"]
    assert ZEROS == "0" * 64
    peaks: dict[int, int] = {}
    for count in (2_000, 8_000):
        write(tmp_path / "pack.zip", count)
        tracemalloc.start()
        report = audit(tmp_path / "pack.zip")
        peaks[count] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert report.clean, report.findings
        assert report.facts["entries"] == count + 2
    # Below one piece of a mebibyte, everything is in memory at once; above, only sixteen bytes of each leaf stay.
    assert peaks[8_000] < 24 << 20


@pytest.mark.soak
def test_a_million_leaves(tmp_path: Path) -> None:
    write(tmp_path / "pack.zip", 1_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    report = audit(tmp_path / "pack.zip")
    seconds = time.process_time() - begun
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    print(f"1,000,002 leaves: {seconds:.1f} s of one core, {grown} MiB more")
    assert report.clean
    # The bench says what a quiet machine needs; here others may be at work.
    assert seconds < 180
