"""How strongly a mark is engraved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Strength = Literal["standard", "light"]

# Distance of two quantizer cells of one bit, in units of a chip. The reader has to know it, so it is the same for
# every strength.
STEP = 64.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Amplitude:
    """One strength in numbers.

    Attributes:
        chips: Share of the way to its quantizer cell that a chip is moved where the picture is busy, 0 to 1.
            Less than 1 costs little of what is read and much of what is seen.
        chips_floor: The same in flat areas.
        lattice: Root mean square of the lattice where the picture is busy, levels of luma.
        lattice_floor: The same in flat areas.
        mean_square: Largest mean square of the change over all samples of a picture, levels squared. What
            exceeds it is scaled down as a whole.
    """

    chips: float
    chips_floor: float
    lattice: float
    lattice_floor: float
    mean_square: float


AMPLITUDES: dict[Strength, Amplitude] = {
    "standard": Amplitude(chips=0.80, chips_floor=0.35, lattice=2.25, lattice_floor=0.85, mean_square=6.3),
    "light": Amplitude(chips=0.68, chips_floor=0.30, lattice=1.8, lattice_floor=0.72, mean_square=3.9),
}
