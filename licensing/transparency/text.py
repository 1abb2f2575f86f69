"""Reads the lines that the C2SP formats are made of, strictly: each value has one spelling.

Everything that does not fit is a ``ValueError`` whose message is a sentence; nothing else is ever raised.
"""

from __future__ import annotations

import base64
import binascii
import re

from intaglio.licensing.transparency.merkle import HASH_BYTES

MOST = 2**63 - 1  # the largest number in any of the formats
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


def decode(data: bytes, what: str, most: int) -> str:
    """Return the text of ``data``: at most ``most`` bytes of UTF-8 without control characters but newlines.

    Raises:
        ValueError: It is longer, not UTF-8, or holds a control character below U+0020.
    """
    if len(data) > most:
        raise ValueError(f"The {what} is longer than {most} bytes.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"The {what} is not UTF-8.") from error
    if _CONTROL.search(text):
        raise ValueError(f"The {what} has a control character.")
    return text


def encode(text: str, what: str) -> bytes:
    """Return the UTF-8 of a text, which must hold no control character but newlines.

    Raises:
        ValueError: It has a control character or half of a surrogate pair.
    """
    if _CONTROL.search(text):
        raise ValueError(f"The {what} has a control character.")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"The {what} cannot be written as UTF-8.") from error


def number(text: str, what: str) -> int:
    """Return an ASCII decimal from 0 to 2**63 - 1 without leading zeros.

    Raises:
        ValueError: It is anything else.
    """
    if _NUMBER.fullmatch(text) is None or int(text) > MOST:
        raise ValueError(f"The {what} is not a decimal number from 0 to 2^63 - 1.")
    return int(text)


def standard_base64(text: str, what: str) -> bytes:
    """Return the bytes of RFC 4648 section 4 base64, with padding and in its one canonical spelling.

    Raises:
        ValueError: It is anything else.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"The {what} is not base64.") from error
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError(f"The {what} is not in the canonical spelling of base64.")
    return data


def tree_hash(text: str, what: str) -> bytes:
    """Return the 32 bytes of a hash in base64.

    Raises:
        ValueError: It is not base64, or of another length.
    """
    data = standard_base64(text, what)
    if len(data) != HASH_BYTES:
        raise ValueError(f"The {what} has {len(data)} bytes, not {HASH_BYTES}.")
    return data


def base64_text(data: bytes) -> str:
    """Return the base64 of RFC 4648, section 4."""
    return base64.b64encode(data).decode("ascii")


def one_line(text: str, what: str) -> str:
    """Return a text that is one line, not empty, and can be written.

    Raises:
        ValueError: It is not.
    """
    if not text or "\n" in text or not encode(text, what):
        raise ValueError(f"The {what} is not one line.")
    return text
