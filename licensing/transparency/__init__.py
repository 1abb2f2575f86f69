"""The public formats of the log: signed notes, checkpoints, tiles, proofs, witnesses and policies.

All are formats of C2SP (https://c2sp.org), read and written here without a library, because there is none
for Python 3.11. ``spec/log.md`` says them exactly. Everything here is pure but the writers of files and keys,
which say so: the ledger hands in a function ``node(level, position)`` and gets bytes back.
"""
