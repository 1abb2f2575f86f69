"""How the demo generator's weights were made: `python -m training.base`, then `python -m training.style`.

Not part of the installed package. `docs/demo-generator.md` has the commands and what they measured.
"""
