"""Reads the latent-noise mark from pictures, with the pipeline that may have made them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from intaglio.errors import ConfigurationError
from intaglio.provenance.latent_noise.inversion import Inverter
from intaglio.provenance.latent_noise.scheme import LatentNoise
from intaglio.provenance.mark import Extraction


@dataclass(frozen=True, slots=True)
class LatentNoiseReader:
    """A `Watermark` that only reads: pictures are marked before they are made, with `latents_for`.

    Reads pictures as they were made, possibly scaled or encoded again: not cropped, turned or flipped ones.

    Attributes:
        mark: The key and lengths.
        inverter: The pipeline, run backwards.
    """

    mark: LatentNoise
    inverter: Inverter

    @property
    def scheme(self) -> str:
        """Name of the algorithm."""
        return self.mark.scheme

    @property
    def capacity(self) -> int:
        """Payload length in bits."""
        return self.mark.capacity

    def embed(self, image: Image, payload: int) -> Image:
        """Raise ConfigurationError: the id goes into the noise before the picture is made."""
        raise ConfigurationError(
            f"A finished picture cannot take the mark {self.scheme}: call the pipeline with latents=latents_for(...)."
        )

    def extract(self, image: Image) -> Extraction | None:
        """Return the id in the noise that the picture came from, or None where there is none to be sure of."""
        return self.mark.read(self.inverter.noise(image))

    def confirm(self, image: Image, payload: int) -> Extraction | None:
        """Return whether the picture came from noise with an expected id; succeeds more often than `extract`."""
        return self.mark.confirm(self.inverter.noise(image), payload)

    def locate(self, image: Image, payload: int) -> npt.NDArray[np.float64]:
        """Return where the picture carries a known payload, a value for each latent; empty where it is not found."""
        return self.mark.agreement(self.inverter.noise(image), payload)
