"""Which process began something, and whether it is still running."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Process:
    """One run of one program.

    Attributes:
        host: Host name, boot and process-id namespace. Ids of processes compare within one host only,
            so two containers that share a host name, and one machine before and after a restart, are
            different hosts.
        pid: Process id.
        started: Seconds from the start of the machine to the start of the process. Unlike the time of
            day, it stays the same when the clock is set.
    """

    host: str
    pid: int
    started: float

    @classmethod
    def current(cls) -> Process:
        """This process."""
        return _current(os.getpid())

    @classmethod
    def parse(cls, text: str) -> Process:
        """The process that ``str`` made the text of.

        Raises:
            ValueError: The text is not of that form.
        """
        host, _, rest = text.rpartition(" pid ")
        pid, _, started = rest.partition(" started ")
        if not (host and pid.isdecimal() and pid.isascii() and started):
            raise ValueError(f"{text!r} does not name a process")
        return cls(host, int(pid), float(started))

    def __str__(self) -> str:
        return f"{self.host} pid {self.pid} started {self.started:.2f}"

    def alive(self) -> bool | None:
        """True while it runs, False when it has ended, None when that cannot be seen from here."""
        if self.host != _host():
            return None
        try:
            found = psutil.Process(self.pid)
            # A killed process whose parent did not ask for its end yet keeps its id, and does nothing.
            if found.status() == psutil.STATUS_ZOMBIE:
                return False
            # Ids are used again. The kernel counts the start in hundredths of a second.
            return abs(_started(found) - self.started) < 0.05
        except psutil.NoSuchProcess:
            return False
        except psutil.Error:
            return None


@lru_cache(maxsize=1)
def _current(pid: int) -> Process:
    return Process(_host(), pid, _started(psutil.Process(pid)))


# The id of an ancestor that ended may be given to a child of ours.
os.register_at_fork(after_in_child=_current.cache_clear)


def _host() -> str:
    parts = [platform.node() or "localhost"]
    boot = Path("/proc/sys/kernel/random/boot_id")
    parts.append(boot.read_text("ascii").strip()[:8] if boot.exists() else "")
    namespace = Path("/proc/self/ns/pid")
    parts.append(str(namespace.readlink()) if namespace.is_symlink() else "")
    return "/".join(parts)


def _started(process: psutil.Process) -> float:
    # Both are computed from the same boot time, so that a clock that is set cancels out.
    return round(process.create_time() - psutil.boot_time(), 2)
