"""Every error this package raises on purpose, split by what the caller must do.

* IntaglioError
  + ConfigurationError    settings, a policy or a license document is wrong: correct the file
  + UnreadablePicture     the bytes are not a picture that can be read here: send another one
  + UnsealableOutput      the call returned something that cannot be screened and sealed
  + LicenseRefused        a license does not permit the call: nothing was generated
  + ContentBlocked        screening withheld a picture: it was not delivered and is not billed
  + DetectorFailed        a detector gave no usable score: nothing was delivered
  + MarkUnreadable        the mark could not be read back: nothing was delivered
  + AlreadyMarked         the picture carries another mark: replace it, or leave it
  + SealFailed            the credential could not be made or does not validate: nothing was delivered
    - CertificateInvalid  the signing certificate is expired, not yet valid, or not for this key
  + StoreUnavailable      the store could not be opened or written: nothing was delivered or billed
    - LogForked           the store is older than what was published from it: restore a newer backup
  + LedgerConflict        an event's id was used before with other content: give the new event its own id
  + EventRejected         an event cannot be recorded as it is: correct it and send it again
  + AuditFailed           a pack or a log file cannot be read: ask for it again

Each message is one sentence that says what to do. Foreign errors are chained, never shown bare.
"""

from __future__ import annotations


class IntaglioError(Exception):
    """Base of every error in this package."""


class ConfigurationError(IntaglioError):
    """Settings, a policy or a license document is wrong. The message names file, key and cause."""


class UnreadablePicture(IntaglioError):
    """The bytes are not a still picture within the limits."""


class UnsealableOutput(IntaglioError):
    """A guarded call returned something that cannot be screened, marked and signed."""


class LicenseRefused(IntaglioError):
    """A license does not permit this call.

    Attributes:
        work: The work that is refused: its claimed name, and its digest where there is one.
        clause: The clause of the license that refuses, e.g. ``"constraints.valid_until"``, or
            ``"unlicensed"`` when no license covers the work.
    """

    def __init__(self, message: str, *, work: str, clause: str) -> None:
        super().__init__(message)
        self.work = work
        self.clause = clause


class ContentBlocked(IntaglioError):
    """Screening withheld at least one picture of the call.

    Attributes:
        reasons: One sentence for each withheld picture: category, score, threshold and rule.
    """

    def __init__(self, message: str, *, reasons: tuple[str, ...]) -> None:
        super().__init__(message)
        self.reasons = reasons


class DetectorFailed(IntaglioError):
    """A detector raised, or returned a score that is not a number from 0 to 1."""


class MarkUnreadable(IntaglioError):
    """The mark did not survive its own read-back."""


class AlreadyMarked(IntaglioError):
    """The picture carries another payload already.

    Attributes:
        payload: The one that it carries.
    """

    def __init__(self, payload: int) -> None:
        """Keep the payload that was found."""
        super().__init__(
            f"The picture carries the mark {payload:016x} already: pass replace=True to write another one."
        )
        self.payload = payload


class SealFailed(IntaglioError):
    """The credential could not be signed, embedded or validated."""


class CertificateInvalid(SealFailed):
    """The signing certificate cannot be used now: expired, not yet valid, or not for this key."""


class StoreUnavailable(IntaglioError):
    """The store could not be opened or written; nothing was recorded, so nothing was delivered."""


class LogForked(StoreUnavailable):
    """The store contradicts a tree head that was published from it; nothing is signed until that is mended."""


class LedgerConflict(IntaglioError):
    """An event's source and id were used before, with other content (HTTP 409). The first one stands."""


class EventRejected(IntaglioError):
    """An event is malformed, out of bounds or contradictory; the refusal itself is recorded."""


class AuditFailed(IntaglioError):
    """What was given for an audit is not an audit pack, or exceeds the limits of one."""
