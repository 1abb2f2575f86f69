"""The engraving: an invisible mark that is found again after scaling, cropping, turning and re-encoding.

`Engraving` writes and reads it. It needs no weights and no network, only NumPy and Pillow: a lattice of keyed
sinusoids gives the geometry away to whoever has the key (`lattice`, `spectrum`), keyed wavelet coefficients carry
the payload (`chips`), and a convolutional code with a keyed check decides whether there is one (`code`, `reading`).
Everything that a second implementation needs is in ``spec/engraving.md``.
"""

from intaglio.provenance.engraving.engraving import Engraving
from intaglio.provenance.engraving.keys import OPEN_KEY, Key

__all__ = ["OPEN_KEY", "Engraving", "Key"]
