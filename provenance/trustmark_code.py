"""TrustMark's 100 bits: data, the parity bits of a binary BCH code, and four bits that name the code.

Compatible with https://github.com/adobe/trustmark (MIT license): BCH over GF(128) with x^7 + x^3 + 1, shortened; the
data is filled with zeros to whole bytes before the parity is computed. Written anew from the theory of the codes
(R. E. Blahut, Algebraic Codes for Data Transmission, chapter 7). See ``spec/mark-trustmark.md``.

Where the original accepts some words that lie beyond the correction radius, this decoder does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Literal, get_args

from intaglio.errors import ConfigurationError

Schema = Literal["BCH_SUPER", "BCH_5", "BCH_4", "BCH_3"]
SCHEMAS: tuple[Schema, ...] = get_args(Schema)  # in the order of their version numbers

LENGTH = 100
_VERSION_BITS = 4
_PROTECTED = LENGTH - _VERSION_BITS
_RADIUS: dict[Schema, int] = {"BCH_SUPER": 8, "BCH_5": 5, "BCH_4": 4, "BCH_3": 3}

_ORDER = 127  # of the multiplicative group
_POWERS = [1]
for _ in range(_ORDER - 1):
    _POWERS.append(_POWERS[-1] << 1 ^ (0b10001001 if _POWERS[-1] & 64 else 0))
_LOGARITHMS = {value: power for power, value in enumerate(_POWERS)}


@dataclass(frozen=True, slots=True)
class Packet:
    """What 100 bits say.

    Attributes:
        schema: The code that protects the data.
        data: The data bits, first one most significant.
        corrected: How many of the 96 protected bits were wrong.
    """

    schema: Schema
    data: int
    corrected: int


def data_bits(schema: Schema) -> int:
    """Return how many bits of data a code carries: 40, 61, 68 or 75."""
    return _PROTECTED - 7 * _RADIUS[schema]


def chance(schema: Schema | None) -> float:
    """Return the share of all 100-bit words that `decode` accepts: 2e-6 to 0.07; 0.005 where the words name the code.

    The chance that an unmarked picture reads as something, as far as its bits are uniformly random.
    """
    if schema is None:
        return sum(chance(each) for each in SCHEMAS) / (1 << _VERSION_BITS)
    within = sum(comb(_PROTECTED, wrong) for wrong in range(_RADIUS[schema] + 1))
    return within * len(_fillings(schema)) / (1 << 7 * _RADIUS[schema])


def encode(data: int, schema: Schema) -> int:
    """Return the 100 bits for some data, first bit most significant.

    Raises:
        ValueError: The data does not fit the code.
    """
    if not 0 <= data < 1 << data_bits(schema):
        raise ValueError(f"{schema} carries 0 to {data_bits(schema)} bits")
    parity = 7 * _RADIUS[schema]
    remainder = _modulo(data << _fillings(schema)[0] + parity, _generator(_RADIUS[schema]))
    return (data << parity | remainder) << _VERSION_BITS | SCHEMAS.index(schema)


def decode(word: int, schema: Schema | None = None) -> Packet | None:
    """Return what 100 bits say, or None when they lie too far from every word of the code.

    Args:
        word: The bits, first one most significant.
        schema: The code; None for the one that the last four bits name, which are not protected.

    Raises:
        ValueError: The word is longer than 100 bits.
    """
    if not 0 <= word < 1 << LENGTH:
        raise ValueError(f"a TrustMark word has {LENGTH} bits")
    if schema is None:
        version = word & (1 << _VERSION_BITS) - 1
        if version >= len(SCHEMAS):
            return None
        schema = SCHEMAS[version]
    protected, parity = word >> _VERSION_BITS, 7 * _RADIUS[schema]
    data, received = protected >> parity, protected & (1 << parity) - 1
    for filling in _fillings(schema):
        wrong = _errors(data << filling + parity | received, _RADIUS[schema])
        # An error among the zeros of the filling, or in front of the data, is one that nobody can have made.
        if wrong is None or any(parity <= place < parity + filling or place >= _PROTECTED + filling for place in wrong):
            continue
        flips = sum(1 << place - parity - filling for place in wrong if place >= parity)
        return Packet(schema, data ^ flips, len(wrong))
    return None


def schema_of(name: str) -> Schema:
    """Return a code by its name.

    Raises:
        ConfigurationError: There is no such code.
    """
    for schema in SCHEMAS:
        if schema == name:
            return schema
    raise ConfigurationError(f"{name} is no code of TrustMark: name one of {', '.join(SCHEMAS)}.")


def _fillings(schema: Schema) -> tuple[int, ...]:
    """Numbers of zeros between data and parity, the usual one first."""
    # The writer in Rust fills 40 bits, which are whole bytes, with one byte more; the one in Python does not.
    return (0, 8) if schema == "BCH_SUPER" else (-data_bits(schema) % 8,)


def _generator(radius: int) -> int:
    """Return the generator polynomial, whose roots are the first powers of the primitive element; one bit each."""
    generator, done = 1, set[int]()
    for first in range(1, 2 * radius, 2):
        conjugates = {(first << power) % _ORDER for power in range(7)} - done
        done |= conjugates
        minimal = [1]  # coefficients in GF(128), lowest degree first
        for root in conjugates:
            scaled = [_times(each, _POWERS[root]) for each in minimal]
            minimal = [a ^ b for a, b in zip([0, *minimal], [*scaled, 0], strict=True)]
        generator = _product(generator, sum(each << degree for degree, each in enumerate(minimal)))
    return generator


def _product(a: int, b: int) -> int:
    found = 0
    for place in range(b.bit_length()):
        found ^= a << place if b >> place & 1 else 0
    return found


def _modulo(value: int, divisor: int) -> int:
    while value.bit_length() >= divisor.bit_length():
        value ^= divisor << value.bit_length() - divisor.bit_length()
    return value


def _times(a: int, b: int) -> int:
    return _POWERS[(_LOGARITHMS[a] + _LOGARITHMS[b]) % _ORDER] if a and b else 0


def _over(a: int, b: int) -> int:
    return _POWERS[(_LOGARITHMS[a] - _LOGARITHMS[b]) % _ORDER] if a else 0


def _errors(word: int, radius: int) -> list[int] | None:
    """Return the places of the wrong bits, 0 the last one, or None when there are more than `radius`."""
    ones = [place for place in range(word.bit_length()) if word >> place & 1]
    syndromes = [0] * (2 * radius)
    for index in range(2 * radius):
        for place in ones:
            syndromes[index] ^= _POWERS[place * (index + 1) % _ORDER]
    locator = _berlekamp_massey(syndromes)
    degree = max((power for power, each in enumerate(locator) if each), default=0)
    if degree > radius:
        return None
    # Chien's search: an error at a place makes the inverse of that power a root.
    places = [place for place in range(_ORDER) if _value(locator, -place) == 0]
    return places if len(places) == degree else None


def _value(polynomial: list[int], power: int) -> int:
    """Return the value of a polynomial, lowest degree first, at a power of the primitive element."""
    found = 0
    for degree, each in enumerate(polynomial):
        found ^= _times(each, _POWERS[power * degree % _ORDER])
    return found


def _berlekamp_massey(syndromes: list[int]) -> list[int]:
    """Return the shortest error locator for the syndromes, lowest degree first."""
    locator, previous = [1], [1]
    length, gap, divisor = 0, 1, 1
    for index, syndrome in enumerate(syndromes):
        discrepancy = syndrome
        for degree in range(1, min(length, len(locator) - 1) + 1):
            discrepancy ^= _times(locator[degree], syndromes[index - degree])
        if discrepancy == 0:
            gap += 1
            continue
        factor = _over(discrepancy, divisor)
        correction = [0] * gap + [_times(factor, each) for each in previous]
        size = max(len(locator), len(correction))
        before = locator
        locator = [
            (locator[place] if place < len(locator) else 0) ^ (correction[place] if place < len(correction) else 0)
            for place in range(size)
        ]
        if 2 * length <= index:
            length, previous, divisor, gap = index + 1 - length, before, discrepancy, 1
        else:
            gap += 1
    return locator
