"""The same picture as another kind of file: encoded, signed and recorded again under the same id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL.Image import Image

from intaglio.guarding import stages
from intaglio.guarding.calls import Call
from intaglio.guarding.claims import Claim
from intaglio.guarding.delivered import Reseal
from intaglio.provenance.store import add_rendition


def maker(call: Call, claim: Claim) -> Reseal:
    """Return what :meth:`SealedImage.save` calls for another format or quality; nothing is billed again."""
    press = call.options.press

    def reseal(image: Image, media_type: str, options: Mapping[str, Any]) -> bytes:
        # copy() of a sealed image is a plain one: its save() is Pillow's.
        finished = stages.seal(press, claim, image.copy(), media_type, options=options)
        with press.store.transaction() as connection:
            add_rendition(connection, finished.record)
        return finished.data

    return reseal
