"""Where PNG, JPEG and WebP keep a C2PA manifest store, so that its size is known before it is parsed."""

from __future__ import annotations

from collections.abc import Iterator

# A chain of ingredients carries every credential before it, and checking it takes time that grows with the
# square of its length. Beyond this many bytes (300 credentials of ours, fewer with thumbnails) it is not parsed.
MAX_STORE_BYTES = 4 * 1024 * 1024

_JUMBF_SEGMENT = b"\xff\xeb"  # APP11


def store_size(data: bytes, media_type: str) -> int:
    """Return how many bytes of the file hold a manifest store; 0 when there is none."""
    return sum(end - start for start, end in spans(data, media_type))


def without_store(data: bytes, media_type: str) -> bytes:
    """Return the file without its manifest store. Pixels and other metadata stay as they are."""
    kept = bytearray()
    position = 0
    for start, end in spans(data, media_type):
        kept += data[position:start]
        position = end
    kept += data[position:]
    if media_type == "image/webp":
        kept[4:8] = (len(kept) - 8).to_bytes(4, "little")
    return bytes(kept)


def spans(data: bytes, media_type: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each piece of the file that holds a part of a manifest store.

    PNG: chunks ``caBX``; JPEG: APP11 segments of JPEG Systems (ISO 19566-5); WebP: chunks ``C2PA``. Headers
    and checksums are part of the piece. A file that is cut off ends the walk.
    """
    walk = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _webp}[media_type]
    return walk(data)


def _png(data: bytes) -> Iterator[tuple[int, int]]:
    position = 8
    while position + 12 <= len(data):
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"caBX":
            yield position, min(end, len(data))
        position = end


def _jpeg(data: bytes) -> Iterator[tuple[int, int]]:
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0xDA:
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if data[position : position + 2] == _JUMBF_SEGMENT and data[position + 4 : position + 6] == b"JP":
            yield position, min(end, len(data))
        position = end


def _webp(data: bytes) -> Iterator[tuple[int, int]]:
    position = 12
    while position + 8 <= len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        end = position + 8 + size + size % 2
        if data[position : position + 4] == b"C2PA":
            yield position, min(end, len(data))
        position = end
