"""What a license document says beside money, and how it is written, signed, decided on and exchanged.

* `clauses`: the terms as values; `consistency`: which of them contradict one another
* `rules`: whether one document's terms allow a call; `meeting`: whether several documents' terms do
* `envelope`: who signed a document (DSSE)
* `odrl`, `rsl`: the same terms in the words of others; `spdx`, `hints`: what others say about a work
* `presets`: documents to fill in

Everything here is pure, but for reading hints out of a file. `intaglio.licensing.license` and
`intaglio.licensing.permit` are the doors.
"""
