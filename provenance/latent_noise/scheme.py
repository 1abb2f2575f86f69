"""Noise that carries an id, and the reading of it: numbers only, no pictures and no networks."""

from __future__ import annotations

import hmac
import math
import secrets
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from intaglio.provenance.latent_noise.tree import Floats, KeyedTree
from intaglio.provenance.mark import Extraction

FALSE_ACCEPT = 1e-9
"""Readings whose chance on an unmarked picture may be larger than this are no readings."""
# Paths of the search, and positions that it looks at in each step. The first attempt reads what is clear.
ATTEMPTS = ((256, 1024), (4096, 4096))
# Values beyond this many standard deviations say no more about a sign than one at it.
_CLIP = 2.0


@dataclass(frozen=True, slots=True)
class LatentNoise:
    """Writes an id into the signs of Gaussian noise and reads it back, scheme ``latent-noise/1``.

    Without the key, what `noise` returns cannot be told from independent N(0, 1) values, as long as no nonce is
    used twice. The argument, and what a repeated nonce shows, are in ``spec/mark-latent-noise.md``.

    Attributes:
        key: The secret, at least 16 bytes. Who reads can also write.
        bits: Length of the payload: 64 or 128.
        nonce_bits: Length of the nonce, 8 to 24. Reader and writer must agree; one more doubles the time to read.

    Raises:
        ValueError: The key is too short, or a length is none of those.
    """

    key: bytes = field(repr=False)
    bits: int = field(default=64, kw_only=True)
    nonce_bits: int = field(default=20, kw_only=True)

    def __post_init__(self) -> None:
        if len(self.key) < 16:
            raise ValueError("the key of a latent-noise mark needs at least 16 bytes")
        if self.bits not in (64, 128):
            raise ValueError("a latent-noise mark has 64 or 128 bits")
        if not 8 <= self.nonce_bits <= 24:
            raise ValueError("the nonce of a latent-noise mark has 8 to 24 bits")

    @property
    def scheme(self) -> str:
        """Name of the algorithm."""
        return "latent-noise/1"

    @property
    def capacity(self) -> int:
        """Payload length in bits."""
        return self.bits

    @property
    def key_id(self) -> str:
        """Name of the key, 16 hex digits, which does not reveal it."""
        return hmac.digest(self.key, b"intaglio latent-noise/1 id", "sha256")[:8].hex()

    def noise(
        self,
        shape: tuple[int, ...],
        payload: int,
        *,
        nonce: int | None = None,
        random: np.random.Generator | None = None,
    ) -> npt.NDArray[np.float32]:
        """Return noise for one picture that carries `payload`: N(0, 1), float32, of the given shape.

        Args:
            shape: Shape of the latents of one picture, e.g. ``(4, 64, 64)``.
            payload: The id, below ``2 ** bits``.
            nonce: A number below ``2 ** nonce_bits`` that was never used with this key. A counter never repeats
                before it is used up; None draws one, which repeats after about ``2 ** (nonce_bits / 2)`` pictures.
            random: Where the magnitudes, and a drawn nonce, come from; None for the system's randomness.

        Raises:
            ValueError: Payload or nonce are out of range.
        """
        if not 0 <= payload < 1 << self.bits:
            raise ValueError(f"the payload needs 0 to {self.bits} bits")
        random = random or np.random.default_rng(secrets.randbits(256))
        nonce = int(random.integers(1 << self.nonce_bits)) if nonce is None else nonce
        if not 0 <= nonce < 1 << self.nonce_bits:
            raise ValueError(f"the nonce needs 0 to {self.nonce_bits} bits")
        signs = self._tree.signs(nonce, payload, math.prod(shape))
        magnitudes = np.abs(random.standard_normal(shape, dtype=np.float32))
        return magnitudes * signs.reshape(shape).astype(np.float32)

    def read(self, estimate: npt.ArrayLike) -> Extraction | None:
        """Return the id in an estimate of the noise of one picture, or None where there is none to be sure of.

        Args:
            estimate: The noise, of the shape that was written; last two axes rows and columns. Any scale.
        """
        return self._decided(_weights(estimate), None)

    def confirm(self, estimate: npt.ArrayLike, payload: int) -> Extraction | None:
        """Return whether the noise carries an id that is expected, e.g. of the picture a fingerprint named.

        Needs less than half of the evidence that `read` needs. The false-accept bound is for this one id: whoever
        tries many multiplies it by their number. Ids of one key share signs with each other (always those of the
        nonce), so an id that can be read is asked first: a clear picture is never confirmed as another one.
        """
        return self._confirmed(_weights(estimate), payload)

    def agreement(self, estimate: npt.ArrayLike, payload: int) -> Floats:
        """Return where the noise carries an id: (rows, columns) of the latents, 1 in full to about 0 not at all.

        Empty where `confirm` finds nothing, or the noise has no rows and columns.
        """
        weights = _weights(estimate)
        if weights.ndim < 3 or self._confirmed(weights, payload) is None:
            return np.zeros((0, 0))
        width, positions = ATTEMPTS[-1]
        found = self._tree.search(weights.ravel(), width=width, positions=positions, payload=payload)
        agreed = weights * self._tree.signs(found.nonce, payload, weights.size).reshape(weights.shape)
        rows, columns = weights.shape[-2:]
        sums = [_neighborhoods(each.reshape(-1, rows, columns).sum(axis=0)) for each in (agreed, np.abs(weights))]
        return np.divide(sums[0], sums[1], out=np.zeros((rows, columns)), where=sums[1] > 0)

    def _confirmed(self, weights: Floats, payload: int) -> Extraction | None:
        read = self._decided(weights, None)
        if read is not None:
            return read if read.payload == payload else None
        return self._decided(weights, payload)

    def _decided(self, weights: Floats, payload: int | None) -> Extraction | None:
        flat = weights.ravel()
        length = float(np.linalg.norm(flat))
        if length == 0:
            return None
        for width, positions in ATTEMPTS:
            found = self._tree.search(flat, width=width, positions=positions, payload=payload)
            signs = self._tree.signs(found.nonce, found.payload, flat.size)
            deviations = float(flat @ signs) / length
            messages = self.nonce_bits + (self.bits if payload is None else 0)
            # Hoeffding's inequality for a sum of keyed Rademacher signs with fixed weights, times all messages.
            bound = math.exp(max(-700.0, messages * math.log(2) - max(deviations, 0.0) ** 2 / 2))
            if bound <= FALSE_ACCEPT:
                right = np.count_nonzero(flat * signs > 0) / flat.size
                return Extraction(found.payload, max(0.0, 2 * right - 1), bound, None, self.key_id)
        return None

    @property
    def _tree(self) -> KeyedTree:
        return KeyedTree(self.key, self.bits, self.nonce_bits)


def _weights(estimate: npt.ArrayLike) -> Floats:
    """What each sign should be, and how surely. Depends on no key, so the false-accept bound holds for any such rule.

    What remains of the picture in an inverted noise is smooth; the noise is white. So its spectrum is made flat.
    """
    values = np.asarray(estimate, dtype=np.float64)
    if not np.isfinite(values).all():
        return np.zeros(values.shape)
    if values.ndim >= 3 and min(values.shape[-2:]) >= 4:
        spectrum = np.fft.fft2(values)
        power = (np.abs(spectrum) ** 2).mean(axis=tuple(range(values.ndim - 2)), dtype=np.float64)
        level = np.sqrt(_neighborhoods(power, wrap=True) / 9)
        values = np.asarray(np.fft.ifft2(spectrum / np.maximum(level, 1e-12 + 1e-6 * level.max())).real, np.float64)
    scale = float(np.sqrt(np.mean(values**2)))
    return np.clip(values / scale, -_CLIP, _CLIP) if scale > 0 else values


def _neighborhoods(values: Floats, *, wrap: bool = False) -> Floats:
    """The sums over the 3x3 values around each, of a raster that ends at its edge or goes around."""
    padded = np.pad(values, 1, mode="wrap") if wrap else np.pad(values, 1)
    rows, columns = values.shape
    total = np.zeros(values.shape)
    for down in range(3):
        for across in range(3):
            total += padded[down : down + rows, across : across + columns]
    return total
