"""Marks in the pixels, credentials in the file, and reading both back.

A picture leaves with one 64-bit id in two places: engraved in its pixels (`mark`) and inside a signed C2PA
credential (`credential`). What the pixels look like is remembered as well (`fingerprint`, `layout`, `store`),
so that `evidence.read` can tell a picture that lost its credential from one that stole it.
"""
