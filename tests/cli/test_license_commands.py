"""``intaglio license``: from a key to a signed, published, checked, exchanged and revoked license."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from intaglio.cli.main import main
from intaglio.licensing.license import read_license
from license_documents import FULL
from licenses import document
from samples import license_text

Json = dict[str, Any]


@pytest.fixture
def work(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a working directory of its own."""
    monkeypatch.setenv("INTAGLIO_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["license", *map(str, arguments)])


def done(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str | Path, code: int = 2) -> str:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert result.stderr.startswith("intaglio: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


def written(path: Path, **changes: Any) -> Path:
    path.write_text(json.dumps(document(**changes)))
    return path


def test_a_key_is_made_once_and_for_its_owner_only(work: Path) -> None:
    vkey = done("keygen", "acme.key", "--name", "acme.example").strip()
    assert (work / "acme.key.vkey").read_text().strip() == vkey
    assert stat.S_IMODE((work / "acme.key").stat().st_mode) == 0o600
    assert "exists already" in refused("keygen", "acme.key", "--name", "acme.example")
    assert "cannot be called" in refused("keygen", "other.key", "--name", "two words")
    assert (
        json.loads(done("keygen", "later.key", "--name", "later", "--post-quantum", "--json"))["vkey"][:6] == "later+"
    )


def test_a_document_is_signed_by_one_key_and_then_by_another(work: Path) -> None:
    vkeys = [
        done("keygen", "one.key", "--name", "one").strip(),
        done("keygen", "two.key", "--name", "two", "--post-quantum").strip(),
    ]
    file = written(work / "a.json", holder={"id": "acme", "name": "Acme", "keys": vkeys})
    done("sign", file, "--key", "one.key", "--out", "once.json")
    facts = json.loads(done("sign", "once.json", "--key", "two.key", "--out", "twice.json", "--json"))
    assert facts["signers"] == vkeys
    assert list(read_license((work / "twice.json").read_bytes(), source="x").signers) == vkeys
    assert json.loads(done("sign", file, "--key", "one.key"))["payloadType"].endswith("model-license+json")
    (work / "one.key").chmod(0o644)
    assert "chmod 600" in refused("sign", file, "--key", "one.key")


def test_unsigned_documents_are_signed_with_the_key_of_the_directory(work: Path, home: Path) -> None:
    (work / "acme.toml").write_text(license_text("acme:v2"))
    said = done("add", "acme.toml")
    assert f"key of this directory, {home / 'keys' / 'holder.key'}, which was made just now" in said
    (work / "more.toml").write_text(license_text("acme:v3"))
    assert "made just now" not in done("add", "more.toml")
    listed: list[Json] = json.loads(done("list", "--json"))
    assert len({one["signed_by"] for one in listed}) == 1
    assert done("check", "--model", "acme:v2", "--model", "acme:v3").startswith("Permitted by urn:test:acme:v2")


def test_a_holder_whose_key_is_trusted_is_believed_and_nobody_else(work: Path) -> None:
    vkey = done("keygen", "acme.key", "--name", "acme.example").strip()
    file = written(work / "a.json")
    done("trust", "holder-base", vkey)
    assert "known" in refused("add", file)
    done("add", file, "--key", "acme.key")
    done("sign", file, "--key", "acme.key", "--out", "again.json")
    done("add", "again.json")
    assert "is no key of a holder" in refused("trust", "holder-base", "acme.example+00000000+AAAA")


def test_check_asks_with_everything_that_a_license_may_depend_on(work: Path) -> None:
    terms: Json = {
        "grant": {"model_use": ["generate"], "output_use": ["commercial"]},
        "constraints": {
            "territory": {"allow": ["DE"]},
            "licensee": ["studio"],
            "parameters": {"max_width": 512, "max_pictures": 2},
            "quota": [{"per": "day", "pictures": 9, "each": "all"}],
        },
        "prohibited": ["violence"],
        "duties": {"attribution": "By us", "mark": True},
    }
    hosted = {"work": {"name": "v2", "kind": "hosted"}, "subject": [{"role": "model", "model": "acme:v2"}]}
    done("add", written(work / "a.json", **terms, **hosted))
    asked = ["check", "--model", "acme:v2", "--json", "--use", "commercial", "--territory", "DE", "--account", "studio"]
    asked += ["--set", "width=512"]
    assert json.loads(done(*asked)) == {
        "permitted": True,
        "licenses": ["license-base"],
        "attributions": ["By us"],
        "training": "notAllowed",
        "mark": True,
        "parameters": {"max_pictures": 2, "max_width": 512},
        "quotas": [{"license": "license-base", "per": "day", "pictures": 9}],
    }
    for more, clause in (
        (["--use", "personal"], "grant.output_use"),
        (["--territory", "FR"], "constraints.territory"),
        (["--account", "other"], "constraints.licensee"),
        (["--model-use", "edit"], "grant.model_use"),
        (["--set", "width=513"], "constraints.parameters"),
        (["--pictures", "3"], "constraints.parameters"),
        (["--subject", "violence"], "prohibited"),
    ):
        result = run(*asked, *more)
        assert (result.exit_code, json.loads(result.stdout)["clause"]) == (1, clause)
    assert "territory" in refused(*asked, "--territory", "germany")
    assert run(*asked, "--set", "width").exit_code == 2
    assert run("check").exit_code == 2
    done("revoke", "license-base", "--reason", "withdrawn")
    result = run(*asked)
    assert (result.exit_code, json.loads(result.stdout)["clause"]) == (1, "revoked")


def test_a_license_is_exported_and_read_back(work: Path) -> None:
    (work / "full.json").write_text(json.dumps(FULL))
    (work / "policy.json").write_text(done("export", "full.json", "--odrl"))
    assert json.loads(done("import", "policy.json")) == FULL
    assert 'xmlns="https://rslstandard.org/rsl"' in done("export", "full.json", "--rsl")
    assert done("export", "full.json", "--spdx").strip() == FULL["spdx"]
    done("add", written(work / "plain.json"))
    assert json.loads(done("export", "license-base", "--odrl", "--json"))["license"] == "license-base"
    assert "names no SPDX expression" in refused("export", "license-base", "--spdx")
    assert "address on the web" in refused("export", "license-base", "--rsl")
    assert "https://x.example" in done("export", "license-base", "--rsl", "--url", "https://x.example")
    assert "neither a file nor a license" in refused("export", "nobody", "--odrl")
    assert "profile" in refused("import", "plain.json")
    assert run("export", "license-base").exit_code == 2


def test_presets_and_hints(work: Path) -> None:
    assert 'schema = "model-license/1"' in done("preset", "openrail-m")
    assert json.loads(done("preset", "flux-1-dev", "--json"))["preset"] == "flux-1-dev"
    assert run("preset", "x").exit_code == 2
    (work / "README.md").write_text("---\nlicense: MIT\nbase_model: [a/b, c/d]\n---\n")
    assert "bases: a/b, c/d" in done("hints", "README.md")
    assert json.loads(done("hints", "README.md", "--json"))["spdx"] == "MIT"
    assert "no hints" in refused("hints", "missing.md")


def test_a_document_that_was_changed_after_it_was_signed_is_not_published(work: Path) -> None:
    done("keygen", "acme.key", "--name", "acme.example")
    done("sign", written(work / "a.json"), "--key", "acme.key", "--out", "signed.json")
    envelope = json.loads((work / "signed.json").read_text())
    envelope["payload"] = envelope["payload"][:-8] + "AAAA" + envelope["payload"][-4:]
    (work / "signed.json").write_text(json.dumps(envelope))
    assert "signed.json" in refused("add", "signed.json")
    assert done("list").startswith("There is no license yet")
