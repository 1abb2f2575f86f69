"""``intaglio ledger`` and ``intaglio audit``: from uses to statements, packs, and an audit that finds every change."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from intaglio import seal
from intaglio.cli.main import main
from intaglio.cli.witness import handler
from intaglio.guarding import Settings, settings_of
from intaglio.guarding.log_keys import log_signer
from intaglio.licensing.transparency.cosignature import Cosigner
from intaglio.licensing.transparency.notes import NoteSigner
from intaglio.licensing.transparency.witness import Witness
from samples import license_text, picture

HOLDER = "urn:test:holder:acme:v2"
MONTH = f"{datetime.now(UTC):%Y-%m}"
Json = dict[str, Any]


@pytest.fixture
def work(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two sealed pictures of a licensed model."""
    monkeypatch.setenv("INTAGLIO_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme.toml").write_text(license_text("acme:v2"))
    done("license", "add", "acme.toml")
    for number in (1, 2):
        seal(picture(number), model="acme:v2", settings=home).save(tmp_path / f"{number}.png")
    return tmp_path


def run(*arguments: str | Path, feed: str | None = None, home: Path | None = None) -> Result:
    environment = {"INTAGLIO_HOME": str(home)} if home else {}
    return CliRunner().invoke(main, list(map(str, arguments)), input=feed, env=environment)


def done(*arguments: str | Path, code: int = 0, feed: str | None = None, home: Path | None = None) -> str:
    result = run(*arguments, feed=feed, home=home)
    assert result.exit_code == code, result.output
    return result.stdout


def refused(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("intaglio: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def commits() -> list[Json]:
    entries = [json.loads(line) for line in done("ledger", "list", "--json").splitlines()]
    return [entry["event"] for entry in entries if entry["leaf"]["kind"] == "commit"]


def totals() -> Json:
    statement: Json = json.loads(done("ledger", "statement", "--holder", HOLDER, "--json"))
    (total,) = statement["totals"]
    return dict(total)


@pytest.mark.slow
def test_a_statement_in_every_form(work: Path) -> None:
    assert done("ledger", "statement") == f"{HOLDER}: Holder of acme:v2\n"
    assert totals()["payable"] == "20000000"
    for kind, magic in (("json", b"{"), ("csv", b"record,"), ("parquet", b"PAR1"), ("pdf", b"%PDF-")):
        done("ledger", "statement", "--holder", HOLDER, "--out", f"s.{kind}")
        assert (work / f"s.{kind}").read_bytes().startswith(magic)
    assert "not as s.doc" in refused("ledger", "statement", "--holder", HOLDER, "--out", "s.doc")
    assert "no holder 'nobody'" in refused("ledger", "statement", "--holder", "nobody")
    assert "is not a period" in refused("ledger", "statement", "--holder", HOLDER, "--period", "November")


@pytest.mark.slow
def test_a_month_is_closed_once_and_stays_as_it_is(work: Path) -> None:
    assert "can be closed from" in refused("ledger", "close", MONTH)
    first = json.loads(done("ledger", "close", MONTH, "--early", "--json"))
    statement = done("ledger", "statement", "--holder", HOLDER, "--json")
    assert json.loads(statement)["state"] == "closed"
    seal(picture(3), model="acme:v2")
    assert json.loads(done("ledger", "close", MONTH, "--early", "--json")) == first
    assert done("ledger", "statement", "--holder", HOLDER, "--json") == statement


@pytest.mark.slow
def test_a_pack_is_audited_with_its_pictures(work: Path) -> None:
    (pack,) = json.loads(done("ledger", "export", "--out", "packs", "--json"))
    key = log_signer(settings_of(Path(str(settings_home())))).vkey
    told = done("audit", pack, "--key", key, "--pictures", ".")
    assert told.startswith("SOUND")
    report: Json = json.loads(done("audit", pack, "--key", key, "--pictures", ".", "--json"))
    assert report["clean"]
    data = bytearray(Path(pack).read_bytes())
    for place in (0, len(data) // 3, len(data) // 2, len(data) - 1):
        changed = data.copy()
        changed[place] ^= 1
        (work / "changed.zip").write_bytes(changed)
        assert run("audit", "changed.zip").exit_code != 0
    everything = json.loads(done("ledger", "export", "--all", "--out", "packs", "--json"))
    assert done("audit", everything[0], "--key", key).startswith("SOUND")


@pytest.mark.slow
def test_a_picture_that_is_not_in_the_log_is_found(work: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    pack = json.loads(done("ledger", "export", "--out", "packs", "--json"))[0]
    # Sealed after the pack was made, as its receipt says: a later pack will have it.
    seal(picture(4), model="acme:v2").save(work / "later.png")
    newer: Json = json.loads(done("audit", pack, "--pictures", ".", "--json"))
    assert newer["facts"]["pictures"]["newer_than_the_pack"] == 1
    # The same key and name, and another store: the log forgot the picture that it gave a receipt for.
    other = tmp_path_factory.mktemp("other") / "home"
    home = settings_home()
    shutil.copytree(home, other, ignore=shutil.ignore_patterns("store.db*", "log"))
    done("license", "add", "acme.toml", home=other)
    seal(picture(6), model="acme:v2", settings=other)
    pack = json.loads(done("ledger", "export", "--out", "packs2", "--json", home=other))[0]
    told = json.loads(done("audit", pack, "--pictures", ".", "--json", code=1))
    assert "1.png" in json.dumps(told["findings"])


@pytest.mark.slow
def test_corrections_disputes_and_payments(work: Path) -> None:
    first, second = commits()
    picture_id = first["data"]["picture"]
    done("ledger", "correct", picture_id, "urn:test:acme:v2", "--amount", "0.03", "--currency", "EUR", "--reason", "x")
    assert totals()["accrued"] == "40000000"
    done("ledger", "void", second["data"]["picture"], "--reason", "the file never arrived")
    assert totals()["accrued"] == "30000000"
    done("ledger", "dispute", second["id"], "--holder", HOLDER, "--reason", "it did arrive")
    done("ledger", "resolve", second["id"], "--holder", HOLDER, "--rejected", "--reason", "the log says so")
    put: tuple[str, ...] = (
        "ledger",
        "adjust",
        "--reference",
        "v1",
        "--account",
        "default",
        "--holder",
        HOLDER,
        "--amount",
        "1",
    )
    put += ("--currency", "EUR", "--reason", "a gift")
    assert "two different people" in refused(*put, "--approved-by", "Ann", "Ann")
    done(*put, "--approved-by", "Ann", "Bob")
    assert totals()["payable"] == "1030000000"
    paid = ("ledger", "payout", "--holder", HOLDER, "--period", MONTH, "--currency", "EUR", "--amount")
    done(*paid, "1.03")
    assert "is not an amount" in refused(*paid, "1.0.3")
    assert "Nothing is owed" in refused("ledger", "void", "0" * 16, "--reason", "x")
    assert json.loads(done("ledger", "check", "--json"))["problems"] == []


@pytest.mark.slow
def test_reports_from_outside_are_taken_once_and_never_dropped(work: Path) -> None:
    document = commits()[0]["data"]["license_sha256"]
    report = {
        "specversion": "1.0",
        "id": "r1",
        "source": "urn:partner",
        "type": "org.intaglio.ledger.usage",
        "time": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "data": {
            "account": "partner",
            "license": "urn:test:acme:v2",
            "license_sha256": document,
            "units": {"pictures": 5},
        },
    }
    line = json.dumps(report)
    first = done("ledger", "record", "-", "--json", feed=line + "\n")
    assert done("ledger", "record", "-", "--json", feed=line) == first
    other = json.dumps({**report, "data": {**report["data"], "units": {"pictures": 6}}})  # type: ignore[dict-item]
    answers = done("ledger", "record", "-", "--json", code=1, feed=f"{other}\nnot json\n\n[1]\n").splitlines()
    assert [json.loads(answer)["rejected"] for answer in answers] == [True, True, True]
    kinds = [json.loads(entry)["leaf"]["kind"] for entry in done("ledger", "list", "--json").splitlines()]
    assert (kinds.count("usage"), kinds.count("rejected")) == (1, 3)
    assert totals()["accrued"] == "70000000"


@pytest.mark.slow
def test_canaries_are_committed_to_and_revealed(work: Path) -> None:
    ids = [commit["data"]["picture"] for commit in commits()]
    made: Json = json.loads(done("ledger", "canary", "new", *ids, "--json"))
    assert made["noticed"] == {"5.0%": 0.0975, "1.0%": 0.0199, "0.1%": 0.002}
    assert "you need 299, for 0.1% 2995" in done("ledger", "canary", "new", *ids)
    assert "not committed to" in refused("ledger", "canary", "reveal", made["salt"], *ids)
    assert "64 lowercase" in refused("ledger", "canary", "commit", "x")
    done("ledger", "canary", "commit", made["commitment"])
    assert "not committed to" in refused("ledger", "canary", "reveal", made["salt"], ids[0])
    done("ledger", "canary", "reveal", made["salt"], *ids)
    (pack,) = json.loads(done("ledger", "export", "--all", "--json"))
    facts: Json = json.loads(done("audit", pack, "--pictures", ".", "--json"))["facts"]
    assert facts["dropped_at_most_if_canaries"] == pytest.approx(1 - 0.05**0.5, abs=1e-6)


@pytest.fixture
def witness(tmp_path: Path, home: Path) -> Iterator[tuple[str, str]]:
    """A real witness of the log, at a URL, with its key."""
    signer = log_signer(settings_of(home))
    made = Witness([Cosigner("w.example/1", NoteSigner.generate("w").key)], {signer.name: [signer.verifier]}, tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(made))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", made.cosigners[0].vkey
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_a_witness_cosigns_and_an_old_backup_signs_nothing(work: Path, home: Path, witness: tuple[str, str]) -> None:
    url, key = witness
    settings = home / "intaglio.toml"
    entry = f'[[ledger.witness]]\nkey = "{key}"\nurl = "{url}"\nunencrypted = true\n'
    settings.write_text(settings.read_text() + "\n" + entry)
    old = work / "old.db"
    with closing(sqlite3.connect(home / "store.db")) as now, closing(sqlite3.connect(old)) as copy:
        now.backup(copy)
    assert "— w.example/1 " in done("ledger", "checkpoint")
    seal(picture(5), model="acme:v2")
    published: Json = json.loads(done("ledger", "checkpoint", "--json"))
    assert (home / "log" / "checkpoint").read_text() == published["note"]
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(url + "/add-checkpoint", data=b"old x\n\n").read()
    for left in home.glob("store.db*"):
        left.unlink()
    old.rename(home / "store.db")
    assert "newest backup" in refused("ledger", "checkpoint")
    # Without the folder, the witness still remembers.
    shutil.rmtree(home / "log")
    assert "w.example/1 has seen" in refused("ledger", "checkpoint")


def settings_home() -> Path:
    from intaglio.guarding import find_settings

    found: Settings = find_settings()
    return found.home
