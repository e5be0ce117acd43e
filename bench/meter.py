"""What a server's processes spend, read from /proc, so that it does not depend on the load generator."""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")
_IDLE, _IOWAIT = 3, 4  # columns of /proc/stat that are no work


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third (state) on; OSError when it is gone."""
    return (_PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()


def _own_cpu(pid: int) -> float:
    """Return the CPU seconds of all threads of a process, to the nanosecond."""
    # The kernel's name of another process's CPU clock, as clock_getcpuclockid(3) makes it:
    # /proc/PID/stat has the same figure only in ticks of 10 ms.
    return time.clock_gettime(~pid << 3 | 2)


def _machine_cpu() -> float:
    """Return the CPU seconds the whole machine has worked since it started."""
    with (_PROC / "stat").open() as file:
        columns = file.readline().split()[1:9]
    return sum(int(ticks) for i, ticks in enumerate(columns) if i not in (_IDLE, _IOWAIT)) / _TICKS


class Processes:
    """Some processes and all their descendants."""

    def __init__(self, *roots: int) -> None:
        self.roots = roots

    def pids(self) -> set[int]:
        """Return the ids of all of them that run now."""
        children: dict[int, list[int]] = {}
        for entry in _PROC.iterdir():
            if entry.name.isdigit():
                try:
                    children.setdefault(int(_stat(int(entry.name))[1]), []).append(int(entry.name))
                except OSError:
                    continue
        found: set[int] = set()
        waiting = list(self.roots)
        while waiting:
            pid = waiting.pop()
            found.add(pid)
            waiting += children.get(pid, [])
        return found

    def cpu(self) -> float:
        """Return their CPU seconds, with those of children that have ended."""
        total = 0.0
        for pid in self.pids():
            try:
                total += sum(map(int, _stat(pid)[13:15])) / _TICKS  # of children already reaped
                total += _own_cpu(pid)
            except OSError:
                continue
        return total

    def memory(self) -> int:
        """Return their proportional set size in KiB: a page shared by n processes counts 1/n."""
        total = 0
        for pid in self.pids():
            try:
                lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total


@dataclass(frozen=True)
class Span:
    """What happened between a meter's start and its stop: seconds, and CPU seconds."""

    wall: float
    server_cpu: float
    other_cpus: float
    """How many CPUs neither server nor load generator kept busy: noise, when it is not near 0."""


class Meter:
    """Starts when made; `stop` tells what was spent since."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._start = self._read()

    def _read(self) -> tuple[float, float, float, float]:
        return time.perf_counter(), self._processes.cpu(), time.process_time(), _machine_cpu()

    def stop(self) -> Span:
        """Return the span from the start until now."""
        wall, server, generator, machine = (
            now - then for then, now in zip(self._start, self._read(), strict=True)
        )
        return Span(wall, server, max(0.0, (machine - server - generator) / wall))


async def settle(processes: Processes, quiet: float = 0.2, limit: float = 20.0) -> None:
    """Wait until the processes have used less than 4 % of a CPU for `quiet` seconds, `limit` at most."""
    deadline = time.perf_counter() + limit
    before = processes.cpu()
    while time.perf_counter() < deadline:
        await asyncio.sleep(quiet)
        now = processes.cpu()
        if now - before < 0.04 * quiet:
            return
        before = now
