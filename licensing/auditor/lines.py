"""The lines of the entries, file after file, without ever holding more than a piece of one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from intaglio.licensing.auditor.findings import Notebook
from intaglio.licensing.auditor.leaves import MOST_LINE
from intaglio.licensing.auditor.manifest import Members

PER_FILE = 65_536  # lines


def entry_files(members: Members, notebook: Notebook) -> list[str]:
    """The files of entries; it is a finding if one is missing between them."""
    names = members.names("entries/")
    for number, name in enumerate(names):
        if name != f"entries/{number:06}.tsv":
            notebook.find(name, f"entries/{number:06}.tsv is missing before it.")
            break
    return names


def split_lines(members: Members, name: str, notebook: Notebook, meter: Callable[[int], None]) -> Iterator[bytes]:
    """The lines of a member, without their ends. One that is longer than an entry can be is a finding, and the last."""
    rest = b""
    for piece in members.pieces(name):
        meter(len(piece))
        lines = (rest + piece).split(b"\n")
        rest = lines.pop()
        yield from lines
        if len(rest) > MOST_LINE:
            notebook.find(name, "it has a line that is longer than an entry can be: it is not read further.")
            return
    if rest:
        notebook.find(name, "its last line is not ended: something was cut off.")
        yield rest


def all_lines(
    members: Members, names: list[str], notebook: Notebook, meter: Callable[[int], None]
) -> Iterator[tuple[str, int, bytes]]:
    """(file, number of the line from 1, line) of every entry, in the order of the files."""
    for name in names:
        count = 0
        for count, line in enumerate(split_lines(members, name, notebook, meter), 1):
            yield name, count, line
        if count > PER_FILE or (count < PER_FILE and name != names[-1]) or not count:
            notebook.find(name, f"it has {count} lines, and every file but the last has {PER_FILE}.")


def some_lines(
    members: Members, names: list[str], wanted: Collection[int], meter: Callable[[int], None]
) -> Iterator[tuple[int, bytes]]:
    """(number, line) of the lines with these numbers, from 0 over all files; files without one are passed over."""
    files = {number // PER_FILE for number in wanted}
    for file, name in enumerate(names):
        if file in files:
            for number, line in enumerate(split_lines(members, name, Notebook(), meter), file * PER_FILE):
                if number in wanted:
                    yield number, line
