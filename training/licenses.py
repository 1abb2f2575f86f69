"""Writes the demo's license documents with the digests of the weights that ship.

    python -m training.licenses

Run it after the weights were trained anew; `tests/demo/test_licenses.py` fails until it is.
"""

from __future__ import annotations

from pathlib import Path

from intaglio.licensing.identity import file_digests

ASSETS = Path(__file__).parents[1] / "src" / "intaglio" / "demo" / "assets"
PRECISIONS = ("float32", "float16", "bfloat16")

DOCUMENT = """\
# {comment}
schema = "model-license/1"
id = "{id}"
version = 1

[work]
name = "{work}"
kind = "{kind}"

[holder]
id = "{holder_id}"
name = "{holder}"

[grant]
model_use = ["generate"]

[fee]
per = "picture"
amount = "{amount}"
currency = "EUR"

[duties]
attribution = "{attribution}"

[output]
training = "notAllowed"
{subjects}"""


def subjects(role: str, path: Path) -> str:
    """The tables for one component: its digest in each precision in which a pipeline may load it."""
    digests = file_digests(path)
    return "".join(
        f'\n[[subject]]\nrole = "{role}"       # {precision}\ndigest = "{digests[precision]}"\n'
        for precision in PRECISIONS
    )


def hosted(model: str) -> str:
    """The table for a model that is known by its name only."""
    return f'\n[[subject]]\nrole = "model"\nmodel = "{model}"\n'


def main() -> None:
    """Write base.toml, style.toml, figures.toml and withdrawn.toml."""
    base = "".join(subjects(role, ASSETS / "base" / role) for role in ("unet", "vae", "text_encoder"))
    style = subjects("lora", ASSETS / "style" / "pytorch_lora_weights.safetensors")
    documents = {
        "base": (
            "The demo's base model.",
            "base",
            "Garments base model",
            "atelier-nord",
            "Atelier Nord",
            "0.004",
            base,
        ),
        "style": (
            "The demo's style, a LoRA on it.",
            "lora",
            "Gilt style",
            "maison-gilt",
            "Maison Gilt",
            "0.0015",
            style,
        ),
        "figures": (
            "A hosted model whose picture the demo withholds.",
            "hosted",
            "Abstract figures",
            "studio-dune",
            "Studio Dune",
            "0.002",
            hosted("demo:abstract-figures"),
        ),
        "withdrawn-model": (
            "A hosted model whose license the demo revokes.",
            "hosted",
            "Withdrawn model",
            "studio-dune",
            "Studio Dune",
            "0.002",
            hosted("demo:withdrawn-model"),
        ),
    }
    folder = ASSETS / "licenses"
    folder.mkdir(exist_ok=True)
    for name, (comment, kind, work, holder_id, holder, amount, tables) in documents.items():
        text = DOCUMENT.format(
            comment=comment,
            id=f"urn:intaglio:license:demo:{name}",
            work=work,
            kind=kind,
            holder_id=f"urn:intaglio:holder:{holder_id}",
            holder=holder,
            amount=amount,
            attribution=f"{work} by {holder}",
            subjects=tables,
        )
        (folder / f"{name}.toml").write_text(text)


if __name__ == "__main__":
    main()
