"""Pictures, licenses and a quick detector that the tests share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image as Images
from PIL.Image import Image

from intaglio.detectors.score import Score
from intaglio.generation import Work
from intaglio.licensing.license import License, read_license, sign_license
from licenses import KEY


class Brightness:
    """A detector that takes a very bright picture for a nude one: quick, and easy to reason about.

    0 up to half brightness, from there in a straight line to 1 for white.
    """

    name = "brightness/1"

    def score(self, images: Sequence[Image]) -> list[list[Score]]:
        means = [float(np.asarray(each.convert("L")).mean()) / 255 for each in images]
        return [[Score(self.name, "nsfw", max(0.0, 2 * mean - 1))] for mean in means]


def picture(seed: int = 1, size: tuple[int, int] = (320, 288), level: int = 90) -> Image:
    """A picture with large shapes and fine texture, not bright enough for Brightness."""
    random = np.random.default_rng(seed)
    coarse = random.integers(-50, 50, (6, 6, 3)).astype(np.float64)
    rows = np.linspace(0, 5, size[1]).astype(int)
    columns = np.linspace(0, 5, size[0]).astype(int)
    shapes = coarse[rows][:, columns]
    pixels = level + shapes + random.normal(0, 6, (size[1], size[0], 3))
    return Images.fromarray(np.clip(pixels, 2, 253).astype(np.uint8))


def license_text(model: str, amount: str = "0.01", currency: str = "EUR", name: str = "") -> str:
    """A license for a hosted model."""
    return f"""
schema = "model-license/1"
id = "urn:test:{model}"
version = 1
[work]
name = "{name or model}"
kind = "hosted"
[holder]
id = "urn:test:holder:{model}"
name = "Holder of {model}"
[[subject]]
role = "model"
model = "{model}"
[grant]
model_use = ["generate"]
[fee]
per = "picture"
amount = "{amount}"
currency = "{currency}"
[duties]
attribution = "Made with {model}"
"""


def signed(text: str, source: str = "test") -> License:
    """The license in a text, signed by its holder."""
    return sign_license(read_license(text.encode(), source=source), KEY)


def license_for(works: Sequence[Work], name: str, amount: str = "0.02", kind: str = "base") -> License:
    """A license that covers loaded weights by their digests."""
    head = license_text(name, amount).replace('kind = "hosted"', f'kind = "{kind}"')
    head = head.replace(f'[[subject]]\nrole = "model"\nmodel = "{name}"\n', "")
    subjects = "".join(f'[[subject]]\nrole = "{each.role}"\ndigest = "{each.digest}"\n' for each in works)
    return signed(head + subjects)
