"""License documents for tests: one that uses every term, and any that hypothesis can think of."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import strategies as st

from intaglio.licensing.royalties.terms import PPM
from licenses import KEY, digest, document

FULL: dict[str, Any] = document(
    "full",
    work={"name": "Ink", "kind": "lora"},
    holder={"id": "acme", "name": "Acme", "keys": [KEY.vkey]},
    subject=[{"role": "lora", "digest": digest("full")}, {"role": "lora", "file": digest("file")}],
    grant={"model_use": ["generate", "edit"], "output_use": ["personal", "commercial"], "commercial": True},
    constraints={
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
        "territory": {"allow": ["DE", "FR"], "deny": ["US"]},
        "licensee": ["studio"],
        "revenue": {"below": "1000000", "currency": "USD", "max_age_days": 366},
        "team": {"at_most": 10},
        "industry": {"deny": ["gambling"]},
        "quota": [
            {"per": "day", "pictures": 100, "each": "account"},
            {"per": "month", "pictures": 2000, "each": "all"},
        ],
        "parameters": {"max_width": 1024, "max_height": 1024, "max_pixels": 1_000_000, "max_steps": 50},
    },
    prohibited=["sexual", "RAIL-A"],
    combination={"allow": ["license-base", "friendly"], "deny": ["rival"]},
    tags=["anime"],
    derivatives={"allowed": True, "approval": ["acme/ok"], "share_alike": True, "rules": ["replace"]},
    base=[{"license": "license-base", "rule": "by_weight"}],
    fee={
        "per": "megapixel",
        "amount": "0.01",
        "currency": "EUR",
        "mode": "graduated",
        "tiers": [{"from": 1000, "amount": "0.005"}],
        "free": 100,
        "cap": "50",
        "minimum": "10",
        "advance": "1000",
    },
    split=[
        {"holder": {"id": "acme", "name": "Acme"}, "ppm": 700_000},
        {"holder": {"id": "artist", "name": "An artist"}, "ppm": 300_000},
    ],
    duties={"attribution": "Ink by Acme", "mark": True},
    output={"training": "constrained"},
    status={"max_age_hours": 24},
    spdx="LicenseRef-scancode-flux-1-nc",
    text={"uri": "https://acme.example/terms", "sha256": digest("text"), "lang": "en"},
)

_codes = st.from_regex(r"[a-z][a-z0-9-]{0,11}", fullmatch=True)
_ids = st.from_regex(r"[a-z][a-z0-9./-]{0,11}", fullmatch=True).map(lambda text: f"id-{text}")
_names = st.text(st.characters(categories=["L", "N", "Zs"], include_characters="“”—'\"<>&"), min_size=1, max_size=20)
_amounts = st.from_regex(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,9})?", fullmatch=True)
_prices = _amounts.filter(lambda text: text.strip("0.") != "")
_places = st.sampled_from(["DE", "FR", "JP", "US", "KE", "BR"])


def _lists(codes: st.SearchStrategy[str], most: int = 4) -> st.SearchStrategy[list[str]]:
    return st.lists(codes, min_size=1, max_size=most, unique=True)


def _table(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=optional)


@st.composite
def _allow_deny(draw: st.DrawFn, codes: st.SearchStrategy[str]) -> dict[str, Any]:
    every = draw(_lists(codes, 6))
    cut = draw(st.integers(0, len(every)))
    return {key: part for key, part in (("allow", every[:cut]), ("deny", every[cut:])) if part}


@st.composite
def _splits(draw: st.DrawFn) -> list[dict[str, Any]]:
    ids = draw(_lists(_ids, 4))
    cuts = sorted(draw(st.sets(st.integers(1, PPM - 1), min_size=len(ids) - 1, max_size=len(ids) - 1)))
    parts = [end - start for start, end in zip([0, *cuts], [*cuts, PPM], strict=True)]
    return [{"holder": {"id": one, "name": draw(_names)}, "ppm": part} for one, part in zip(ids, parts, strict=True)]


@st.composite
def _fees(draw: st.DrawFn) -> dict[str, Any]:
    per = draw(st.sampled_from(["picture", "megapixel", "step", "call", "period"]))
    fee: dict[str, Any] = {
        "per": per,
        "amount": draw(_prices),
        "currency": draw(st.sampled_from(["EUR", "USD", "JPY", "KWD"])),
    }
    if per == "period":
        return fee | draw(_table(advance=_prices))
    fee |= draw(_table(free=st.integers(0, 10**9), advance=_prices, cap=_prices.map(lambda text: f"9{text}")))
    starts = sorted(draw(st.sets(st.integers(1, 10**6), max_size=3)))
    if starts:
        fee["tiers"] = [{"from": start, "amount": draw(_amounts)} for start in starts]
        fee |= draw(_table(mode=st.sampled_from(["graduated", "volume"])))
    return fee


_moments = st.dates(date(2020, 1, 1), date(2024, 12, 31)).map(lambda day: f"{day}T12:00:00Z")
_later = _moments.map(lambda text: f"203{text[3:]}")
_windows = [{"per": per, "each": each} for per in ("day", "month", "total") for each in ("account", "all")]
_limits = st.integers(1, 1_000_000)
_constraints = _table(
    valid_from=_moments,
    valid_until=_later,
    territory=_allow_deny(_places),
    licensee=_lists(_names),
    revenue=st.fixed_dictionaries(
        {"below": _limits.map(str), "currency": st.sampled_from(["EUR", "USD"]), "max_age_days": st.integers(1, 3660)}
    ),
    team=st.fixed_dictionaries({"at_most": _limits}),
    industry=_allow_deny(_codes),
    quota=st.lists(
        st.tuples(st.sampled_from(_windows), _limits).map(lambda pair: {**pair[0], "pictures": pair[1]}),
        min_size=1,
        max_size=4,
        unique_by=lambda quota: (quota["per"], quota["each"]),
    ),
    parameters=_table(
        max_width=_limits, max_height=_limits, max_pixels=_limits, max_steps=_limits, max_guidance_scale=_limits
    ).filter(bool),
)
_derivatives = st.just({"allowed": False}) | _table(
    allowed=st.just(True),
    approval=st.lists(_ids, max_size=3, unique=True),
    share_alike=st.booleans(),
    rules=_lists(st.sampled_from(["stack", "direct_only", "replace", "once_per_generation", "by_weight"])),
)
_combination = _allow_deny(_ids) | st.just({"exclusive": True}) | st.just({"exclusive": False})
_uses = st.lists(st.sampled_from(["generate", "edit", "batch", "service", "distribute"]), max_size=5, unique=True)
_purposes = _lists(st.sampled_from(["personal", "editorial", "commercial", "merchandise", "advertising"]))

documents: st.SearchStrategy[dict[str, Any]] = st.tuples(
    st.fixed_dictionaries(
        {
            "version": st.integers(1, 2**31 - 1),
            "work": st.fixed_dictionaries(
                {"name": _names, "kind": st.sampled_from(["base", "finetune", "merge", "lora", "embedding"])}
            ),
            "holder": st.fixed_dictionaries({"id": _ids, "name": _names}, optional={"keys": st.just([KEY.vkey])}),
            "subject": st.lists(
                st.tuples(
                    st.sampled_from(["unet", "lora", "vae"]),
                    st.sampled_from(["digest", "file", "payload"]),
                    _codes,
                ).map(lambda part: {"role": part[0], part[1]: digest(part[2])}),
                min_size=1,
                max_size=4,
            ),
            "grant": st.fixed_dictionaries(
                {"model_use": _uses}, optional={"output_use": _purposes, "commercial": st.booleans()}
            ),
            "fee": _fees(),
        }
    ),
    _table(
        constraints=_constraints,
        prohibited=_lists(_codes.map(lambda code: f"no-{code}")),
        combination=_combination,
        tags=_lists(_ids),
        derivatives=_derivatives,
        base=st.lists(
            st.fixed_dictionaries(
                {"license": _ids.map(lambda text: f"base-{text}")},
                optional={"rule": st.sampled_from(["stack", "replace", "by_weight"])},
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda parent: parent["license"],
        ),
        split=_splits(),
        duties=_table(attribution=_names, mark=st.booleans()),
        output=st.fixed_dictionaries({"training": st.sampled_from(["allowed", "notAllowed", "constrained"])}),
        status=st.fixed_dictionaries({"max_age_hours": st.integers(1, 8760)}),
        spdx=st.sampled_from(["MIT", "LicenseRef-scancode-flux-1-nc", "Apache-2.0 OR MIT"]),
        text=st.fixed_dictionaries(
            {"uri": st.just("https://acme.example/terms")},
            optional={"sha256": st.just(digest("text")), "lang": st.sampled_from(["en", "de-CH"])},
        ),
    ),
).map(lambda parts: document("any", **parts[0], **parts[1]))
"""Documents that the schema and the rules of consistency allow."""
