"""The values that every stage reads: what was asked, and what came out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, get_args

from PIL.Image import Image

Purpose = Literal["personal", "editorial", "commercial", "merchandise", "advertising", "political"]

_COMMERCIAL: frozenset[Purpose] = frozenset({"commercial", "merchandise", "advertising"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One model in use by a call: a base component, an adapter, an embedding, or a hosted model.

    Attributes:
        role: What it does in the pipeline: ``"unet"``, ``"transformer"``, ``"vae"``,
            ``"text_encoder"``, ``"lora"``, ``"embedding"``, ``"ip-adapter"``, ``"controlnet"``, or
            ``"model"`` for a model that is known by its name only.
        name: What it is called. A claim, never evidence.
        digest: ``"sha256:<64 hex digits>"`` of its tensors as loaded (the tensor-set id of
            ``spec/model-license.md``), or None for a hosted model.
        scale: Weight with which an adapter is applied; 1.0 for everything else.
        files: ``"sha256:<64 hex digits>"`` of each file whose tensors these were found to be, and of the
            file's payload; empty where no file was compared.
        fused: Names of the adapters that seem to have been fused into it, which changed its digest.
    """

    role: str
    name: str
    digest: str | None
    scale: float = 1.0
    files: frozenset[str] = frozenset()
    fused: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.role} {self.name!r}" + (f" ({self.digest})" if self.digest else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What an account declares about itself, for licenses that depend on it. Nobody checks it.

    Attributes:
        as_of: Day on which it was true.
        revenue: Of the last twelve months, in units of the currency; None if not said.
        currency: ISO 4217 code of the revenue; None if not said.
        team: Number of people; None if not said.
        industry: In the words of the licenses, e.g. ``"gambling"``; None if not said.

    Raises:
        ValueError: A revenue without a currency or the reverse, or a value out of range.
    """

    as_of: date
    revenue: Decimal | None = None
    currency: str | None = None
    team: int | None = None
    industry: str | None = None

    def __post_init__(self) -> None:
        if (self.revenue is None) != (self.currency is None):
            raise ValueError("licensee.revenue and licensee.currency go together; give both or neither")
        if self.revenue is not None and not (self.revenue.is_finite() and self.revenue >= 0):
            raise ValueError(f"licensee.revenue is not an amount: {self.revenue}")
        if self.team is not None and self.team < 1:
            raise ValueError(f"licensee.team is at least 1, not {self.team}")

    @classmethod
    def read(cls, declared: Mapping[str, Any]) -> Attestation:
        """The attestation in a table of the settings: ``as_of`` and ``revenue`` as text.

        Raises:
            ValueError: A value is wrong; the message names the key.
        """
        values: dict[str, Any] = {**declared}
        try:
            values["as_of"] = date.fromisoformat(str(declared.get("as_of")))
        except ValueError as error:
            raise ValueError(f"licensee.as_of is not a day such as 2026-01-31: {declared.get('as_of')}") from error
        if "revenue" in values:
            try:
                values["revenue"] = Decimal(str(declared["revenue"]))
            except InvalidOperation as error:
                raise ValueError(f"licensee.revenue is not an amount: {declared['revenue']}") from error
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a call is for, as declared by the caller.

    Attributes:
        purpose: What the pictures are for.
        territory: Where they will be used, ISO 3166-1 alpha-2, or None if not said.
        model_use: What is done with the models; a guarded call generates.
        commercial: Whether the models are run commercially; None means as the purpose says.
        subjects: What the pictures show or do, in the codes of the licenses' ``prohibited``.
        attestation: What the account declares about itself, or None.

    Raises:
        ValueError: The purpose or the territory is not one.
    """

    purpose: Purpose = "personal"
    territory: str | None = None
    model_use: str = "generate"
    commercial: bool | None = None
    subjects: frozenset[str] = frozenset()
    attestation: Attestation | None = None

    def __post_init__(self) -> None:
        if self.purpose not in get_args(Purpose):
            raise ValueError(f"the purpose is one of {', '.join(get_args(Purpose))}, not {self.purpose!r}")
        if self.territory is not None and not re.fullmatch("[A-Z]{2}", self.territory):
            raise ValueError(f"the territory is an ISO 3166-1 code such as DE, not {self.territory!r}")

    @property
    def runs_commercially(self) -> bool:
        """Whether the models are run commercially."""
        return self.purpose in _COMMERCIAL if self.commercial is None else self.commercial


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One guarded call.

    Attributes:
        id: Random identifier, 32 lowercase hex digits.
        works: Every model in use.
        account: Who is billed.
        software: Name and version of what generates, e.g. ``("StableDiffusionPipeline", "0.42.1")``.
        parameters: Call arguments that may be disclosed. Never the prompt.
        use: What the call is for.
        pictures: How many it may deliver, at least 1.
    """

    id: str
    works: tuple[Work, ...]
    account: str
    software: tuple[str, str]
    parameters: Mapping[str, str | int | float | bool] = field(default_factory=dict[str, str | int | float | bool])
    use: Use = Use()
    pictures: int = 1


@dataclass(frozen=True, slots=True)
class Generation:
    """One picture out of a request, before anything was added to it."""

    request: Request
    index: int
    image: Image
