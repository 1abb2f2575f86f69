"""Royalties: what a use is charged, and what a period comes to. Pure functions of whole numbers.

* `terms`: the rate, the split and the parents in a license document.
* `charging`: what one picture, call or report is charged when it is written down.
* `settlement`: what the charges of a period come to for each holder, line by line.

Every rule is in spec/royalties.md; nothing here reads a clock, a file or a database.
"""
