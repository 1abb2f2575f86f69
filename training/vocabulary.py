"""The demo's own CLIP vocabulary: bytes, and the few words that its prompts are made of, each one token."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

from training.data import COLORS, GARMENTS

START, END = "<|startoftext|>", "<|endoftext|>"
# Longest prompt in tokens, with start and end.
LENGTH = 16
TEMPLATES = ("{color} {garment}", "a {color} {garment}", "a photograph of a {color} {garment}")
WORDS = sorted({*["a", "photograph", "of", "trousers"], *COLORS, *" ".join(GARMENTS).replace("-", " ").split()})


def prompts() -> dict[tuple[str, str], list[str]]:
    """Every training prompt, by color and garment."""
    return {
        (color, garment): [template.format(color=color, garment=garment) for template in TEMPLATES]
        for color in COLORS
        for garment in GARMENTS
    }


def write_tokenizer(folder: Path) -> None:
    """Writes vocab.json, merges.txt and tokenizer_config.json: what a CLIPTokenizer is loaded from."""
    merges = _merges(WORDS)
    letters = [*_byte_letters(), *(letter + "</w>" for letter in _byte_letters())]
    tokens = [*letters, *("".join(pair) for pair in merges), START, END]
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": LENGTH,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
    }
    folder.mkdir(parents=True, exist_ok=True)
    ids = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False), "utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", "utf-8")


def _merges(words: list[str]) -> list[tuple[str, str]]:
    """Byte-pair merges, the most frequent pair first, until every word is one token."""
    spelled = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges = list[tuple[str, str]]()
    while any(len(parts) > 1 for parts in spelled):
        pairs = Counter(pair for parts in spelled for pair in pairwise(parts))
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        for parts in spelled:
            for place in range(len(parts) - 2, -1, -1):
                if (parts[place], *parts[place + 1 : place + 2]) == best:
                    parts[place : place + 2] = ["".join(best)]
    return merges


def _byte_letters() -> list[str]:
    """The visible letter that byte-level BPE writes for each of the 256 bytes (Radford et al., GPT-2)."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = (byte for byte in range(256) if byte not in visible)
    return [chr(byte) for byte in visible] + [chr(256 + place) for place, _ in enumerate(hidden)]
