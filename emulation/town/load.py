"""How much of the machine the whole town takes: memory and processor of this process and its descendants.

Never decides whether that is too much.
Specification: proc(5), by way of psutil; RSS summed over processes counts shared pages more than once.
"""

import time
from dataclasses import dataclass, field

import psutil


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@dataclass(slots=True)
class LoadMeter:
    """Sample now and then; the dead keep the processor time that was last seen of them."""

    rss_mb: float = 0.0
    _began_s: float = field(default_factory=time.monotonic)
    _cpu_at_begin_s: dict[int, float] = field(default_factory=dict)
    _cpu_s: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._cpu_at_begin_s = {pid: cpu_s for pid, cpu_s, _ in self._processes()}

    @staticmethod
    def _processes() -> list[tuple[int, float, int]]:
        rows = []
        us = psutil.Process()
        for process in (us, *us.children(recursive=True)):
            try:
                rows.append((process.pid, _cpu_s(process), process.memory_info().rss))
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return rows

    def sample(self) -> None:
        """Look at every process once."""
        rows = self._processes()
        self.rss_mb = max(self.rss_mb, sum(rss for _, _, rss in rows) / 1e6)
        self._cpu_s.update({pid: cpu_s - self._cpu_at_begin_s.get(pid, 0.0) for pid, cpu_s, _ in rows})

    def cpu_cores(self) -> float:
        """Mean number of cores busy since the meter began."""
        return sum(self._cpu_s.values()) / max(time.monotonic() - self._began_s, 1e-9)
