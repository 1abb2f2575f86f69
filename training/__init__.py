"""How the demo generator's weights were made: `python -m training.autoencoder`, `.base`, then `.style`.

Not part of the installed package. `docs/demo-generator.md` has the commands and what they measured.
"""
