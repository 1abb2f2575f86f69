"""The same picture as another kind of file: encoded, signed and recorded again under the same id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL.Image import Image

from intaglio.errors import UnsealableOutput
from intaglio.guarding import stages
from intaglio.guarding.calls import Call
from intaglio.guarding.delivered import Reseal
from intaglio.guarding.stages import Finished
from intaglio.provenance.store import add_rendition

# Of Pillow's save options, those that decide how pixels are encoded. What could say something in the file
# under our signature (exif, xmp, pnginfo, comment) is not among them.
SCALARS = ("quality", "alpha_quality", "compress_level", "method", "subsampling")
SWITCHES = ("optimize", "progressive", "lossless", "exact")
OPTIONS = frozenset((*SCALARS, *SWITCHES))


def maker(call: Call, finished: Finished) -> Reseal:
    """Return what :meth:`SealedImage.save` calls for another format or quality; nothing is billed again."""
    press = call.options.press

    def reseal(image: Image, media_type: str, options: Mapping[str, Any]) -> bytes:
        if foreign := sorted(set(options) - OPTIONS):
            raise UnsealableOutput(f"A sealed file is not written with {', '.join(foreign)}; leave that out.")
        # copy() of a sealed image is a plain one: its save() is Pillow's.
        made = stages.seal(press, finished.claim, image.copy(), media_type, parent=finished.parent, options=options)
        with press.store.transaction() as connection:
            add_rendition(connection, made.record)
        return made.data

    return reseal
