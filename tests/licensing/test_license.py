from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from intaglio.errors import ConfigurationError
from intaglio.licensing.license import Subject, from_canonical, read_license
from intaglio.licensing.money import Money
from licenses import TOML, document

SCHEMA: dict[str, Any] = json.loads(Path("spec/model-license.schema.json").read_text("utf-8"))


def refused(data: bytes | str) -> str:
    """The sentence with which a document is refused."""
    with pytest.raises(ConfigurationError) as caught:
        read_license(data.encode() if isinstance(data, str) else data, source="terms.toml")
    message = str(caught.value)
    assert message.startswith("terms.toml: ")
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 400
    return message


def test_a_document_says_all_of_this() -> None:
    found = read_license(TOML.encode(), source="terms.toml")
    assert (found.id, found.version, found.work_name, found.kind) == ("acme/tiny", 1, "Tiny", "base")
    assert (found.holder_id, found.holder_name) == ("acme", "Acme")
    assert found.subjects == (Subject("unet", digest="sha256:" + "a" * 64),)
    assert found.model_use == {"generate"}
    assert found.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.valid_until == datetime(2030, 1, 1, tzinfo=UTC)
    assert found.fee == Money(4_000_000, "EUR")
    assert (found.attribution, found.training) == ("Made with Tiny", "notAllowed")
    assert found.text_uri == "https://acme.example/terms"


def test_the_schema_is_a_schema_and_ships_beside_the_code() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    link = Path("licensing/model-license.schema.json")
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == Path("spec/model-license.schema.json").resolve()


def test_toml_and_json_of_one_license_have_one_digest() -> None:
    plain = tomllib.loads(TOML)
    plain["constraints"] = {"valid_from": "2026-01-01T01:00:00+01:00", "valid_until": "2030-01-01T00:00:00.000Z"}
    text = json.dumps(plain, indent=3)
    first, second = read_license(TOML.encode(), source="a"), read_license(text.encode(), source="b")
    assert first == second
    assert from_canonical(first.document) == first


def test_every_object_refuses_unknown_keys() -> None:
    full = tomllib.loads(TOML)

    def objects(value: Any) -> list[dict[str, Any]]:
        inner: list[Any] = (
            list(value.values()) if hasattr(value, "values") else value if hasattr(value, "append") else []
        )
        own: list[dict[str, Any]] = [value] if hasattr(value, "values") else []
        return own + [found for one in inner for found in objects(one)]

    full["constraints"] = {key: value.isoformat() for key, value in full["constraints"].items()}
    assert len(objects(full)) == 10
    for found in objects(full):
        found["colour"] = "red"
        assert "has the unknown key 'colour'" in refused(json.dumps(full))
        del found["colour"]
    read_license(json.dumps(full).encode(), source="as it was")


@pytest.mark.parametrize("key", ["schema", "id", "version", "work", "holder", "subject", "grant", "fee"])
def test_a_missing_key_is_named(key: str) -> None:
    lacking = document()
    del lacking[key]
    assert f"the document lacks the key '{key}'" in refused(rfc8785.dumps(lacking))


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"schema": "model-license/2"}, "schema"),
        ({"id": "a b"}, "id is wrong"),
        ({"version": 0}, "version"),
        ({"version": True}, "version"),
        ({"version": 2**31}, "version"),
        ({"version": "1"}, "version"),
        ({"work": {"name": "", "kind": "base"}}, "work.name"),
        ({"work": {"name": "x", "kind": "vae"}}, "work.kind"),
        ({"work": {"name": "x", "kind": "hosted"}}, "subject.0"),
        ({"subject": []}, "subject"),
        ({"subject": [{"role": "unet"}]}, "subject.0 lacks the key 'digest'"),
        ({"subject": [{"role": "unet", "model": "a"}]}, "subject.0"),
        ({"subject": [{"role": "unet", "digest": "sha256:" + "A" * 64}]}, "subject.0.digest"),
        ({"subject": [{"role": "unet", "digest": "sha256:" + "a" * 64, "model": "a"}]}, "not allowed for this kind"),
        ({"grant": {"model_use": ["paint"]}}, "grant.model_use.0"),
        ({"constraints": {"valid_from": "2026-02-30T00:00:00Z"}}, "constraints.valid_from is not a moment"),
        ({"constraints": {"valid_from": "2026-02-01T00:00:00"}}, "constraints.valid_from"),
        ({"constraints": {"valid_from": "2027-01-01T00:00:00Z", "valid_until": "2027-01-01T00:00:00Z"}}, "not after"),
        ({"fee": {"per": "picture", "amount": "-1", "currency": "EUR"}}, "fee.amount"),
        ({"fee": {"per": "picture", "amount": "1e3", "currency": "EUR"}}, "fee.amount"),
        ({"fee": {"per": "picture", "amount": 1, "currency": "EUR"}}, "fee.amount"),
        ({"fee": {"per": "hour", "amount": "1", "currency": "EUR"}}, "fee.per"),
        ({"fee": {"per": "picture", "amount": "1", "currency": "euro"}}, "fee.currency"),
        ({"output": {"training": "maybe"}}, "output.training"),
        ({"text": {"uri": "javascript:alert(1)"}}, "text.uri"),
        ({"holder": {"id": "x", "name": "a\nb"}}, "holder.name holds a character that is not seen"),
        ({"holder": {"id": "x\n", "name": "a"}}, "holder.id holds a character that is not seen"),
        ({"holder": {"id": "x", "name": "a\u202eb"}}, "holder.name holds a character that is not seen"),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, Any], cause: str) -> None:
    assert cause in refused(rfc8785.dumps(document(**changes)))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"\xef\xbb\xbf" + TOML.encode(),
        b"{",
        b"[]",
        b"null",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b'{"version": ' + b"9" * 5000 + b"}",
        b'{"schema": "\\ud800"}',
        b'{"a": "\\u0000"}',
        b'{"a":' * 20_000,
        b"a = " + b"[" * 20_000,
        TOML.encode() + b"\0",
        TOML.replace("version = 1", "version = 1.0").encode(),
        TOML.replace("version = 1", "version = inf").encode(),
        TOML.replace("version = 1", "version = " + "9" * 5000).encode(),
        TOML.replace("2026-01-01T00:00:00Z", "2026-01-01").encode(),
        TOML.replace("2026-01-01T00:00:00Z", "2026-01-01T00:00:00").encode(),
        TOML.replace("2026-01-01T00:00:00Z", "07:32:00").encode(),
        TOML.replace("2026-01-01T00:00:00Z", "'0001-01-01T00:00:00+05:00'").encode(),
        TOML.replace("Acme", "x" * 65_536).encode(),
        TOML.replace("acme/tiny", "x" * 65_536).encode(),
        TOML.encode() + b"#" * 256 * 1024,
        ("x" * 60_000 + " = 1\n" + TOML).encode(),
    ],
    ids=range(25),
)
def test_hostile_input_is_refused_in_one_sentence(data: bytes) -> None:
    refused(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(document())), json_values)
def test_any_value_in_any_place_is_read_or_refused(key: str, value: Any) -> None:
    try:
        found = read_license(json.dumps(document() | {key: value}).encode(), source="x")
    except ConfigurationError:
        return
    assert from_canonical(found.document) == found


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ConfigurationError):
        read_license(data, source="x")
