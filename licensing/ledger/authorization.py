"""What a call is given and gives back: the authorization, the pictures, and what they owe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from intaglio.licensing.ledger.receipts import Receipt
from intaglio.licensing.money import Money
from intaglio.licensing.permit import Permit


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """A call that may happen now.

    Attributes:
        call: The id of the request.
        account: Who is billed.
        permit: The licenses that permit it.
        expires_at: From then on, others may release it.
        receipt: Of its "authorize" event.
    """

    call: str
    account: str
    permit: Permit
    expires_at: datetime
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Delivered:
    """A picture that is about to be handed over.

    Attributes:
        picture: Its id, 16 lowercase hex digits.
        sha256: Of the sealed file, 64 lowercase hex digits, or None.
        manifest: URN of its C2PA manifest, or None.
        width: In pixels.
        height: In pixels.
        steps: Denoising steps that were spent on it.

    Raises:
        ValueError: An attribute is not of that form.
    """

    picture: str
    sha256: str | None = None
    manifest: str | None = None
    width: int = 0
    height: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{16}", self.picture):
            raise ValueError(f"{self.picture!r} is not a picture's id: 16 lowercase hex digits")
        if self.sha256 is not None and not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ValueError(f"{self.sha256!r} is not a SHA-256: 64 lowercase hex digits")
        if min(self.width, self.height, self.steps) < 0:
            raise ValueError("width, height and steps are 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What a picture owes under one license.

    Attributes:
        call: The call that made it.
        picture: Its id.
        license: The license's id.
        holder: Id of who grants the license. The fee may be split among others.
        fee: How much.
        receipt: Of the event that says so.
    """

    call: str
    picture: str
    license: str
    holder: str
    fee: Money
    receipt: Receipt

    @property
    def kind(self) -> str:
        """The kind of that event, ``"commit"``."""
        return self.receipt.kind
