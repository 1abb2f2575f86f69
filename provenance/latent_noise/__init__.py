"""A mark in the noise that a diffusion pipeline starts from, `latent-noise/1`: nothing is added to the pixels.

Writing: `latents_for` gives the ``latents=`` argument of a Stable Diffusion pipeline. Reading needs the same
pipeline: `Inverter` recovers the noise from a picture, and `LatentNoise` reads the id from it. What that costs,
how seldom it works on small pictures, and what the scheme hides from whom: ``spec/mark-latent-noise.md``.
"""

from intaglio.provenance.latent_noise.inversion import Inverter
from intaglio.provenance.latent_noise.pipelines import latents_for
from intaglio.provenance.latent_noise.reader import LatentNoiseReader
from intaglio.provenance.latent_noise.scheme import LatentNoise

__all__ = ["Inverter", "LatentNoise", "LatentNoiseReader", "latents_for"]
