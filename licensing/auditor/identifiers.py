"""The ids of the log's own events follow from what they say, so that saying it again is no second event."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

_VISIBLE = re.compile(r"[\x21-\x7e]{1,512}", re.ASCII)
_NO_CALL, _NO_ID = "0" * 32, "0" * 16  # in the place of what is not there
_CALL, _PICTURE = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{16}")


def _digest(*parts: Any) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).hexdigest()


_EXPECTED: dict[str, Callable[[dict[str, Any]], str]] = {
    "license.publish": lambda data: f"license.publish:{data['license_sha256']}",
    "license.revoke": lambda data: f"license.revoke:{data['license']}:{data['version']}",
    "authorize": lambda data: f"authorize:{data['call']}",
    "refuse": lambda data: f"refuse:{data['call']}",
    "release": lambda data: f"release:{data['call']}",
    "commit": lambda data: f"commit:{data['picture']}:{data['license']}",
    "void": lambda data: f"void:{data['picture']}:{data['license']}",
    "dispute.open": lambda data: f"dispute.open:{_digest(data['target'], data['holder'])}",
    "dispute.resolve": lambda data: f"dispute.resolve:{_digest(data['target'], data['holder'])}",
    "fx.rate": lambda data: f"fx.rate:{data['from']}:{data['to']}:{data['as_of']}",
    "period.close": lambda data: f"period.close:{data['period']}",
    "canary.commit": lambda data: f"canary.commit:{data['commitment']}",
}


def check_id(kind: str, source: str, event_id: str, data: dict[str, Any]) -> None:
    """Compares the id of an event with what the event says.

    Raises:
        ValueError: It is malformed, or that of another event.
    """
    if not (_VISIBLE.fullmatch(event_id) and _VISIBLE.fullmatch(source)):
        raise ValueError("its source or its id is not 1 to 512 visible characters")
    expected = _EXPECTED.get(kind)
    try:
        if expected is not None and expected(data) != event_id:
            raise ValueError(f"its id {event_id} is not that of what it says")
    except KeyError as error:
        raise ValueError(f"the member {error} of its data is missing") from error
    if kind == "correct" and not _corrects(event_id, data):
        raise ValueError(f"its id {event_id} is not that of what it corrects")
    if not _CALL.fullmatch(str(data.get("call", _NO_CALL))) or not _PICTURE.fullmatch(str(data.get("picture", _NO_ID))):
        raise ValueError("its call or its picture is malformed")


def _corrects(event_id: str, data: dict[str, Any]) -> bool:
    prefix = f"correct:{data.get('picture')}:{data.get('license')}:"
    return event_id.startswith(prefix) and re.fullmatch("[1-9][0-9]{0,9}", event_id[len(prefix) :]) is not None
