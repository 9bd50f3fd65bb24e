"""Clocks for a machine that others use too: sides take turns, and processor time counts where it says enough."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

Cost = Callable[[], float]
"""Does the work once and gives what it cost (seconds, usually)."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What each side cost in each round. A neighbour on the machine only ever adds, so the quieter rounds count."""

    costs: dict[str, list[float]]

    def cost(self, name: str) -> float:
        """What a side costs in the quieter fifth of its rounds."""
        return percentile(self.costs[name], 0.2)

    def speed(self, name: str, baseline: str) -> float:
        """A side's speed as a multiple of the baseline's."""
        return self.cost(baseline) / self.cost(name)

    def paired_speed(self, name: str, baseline: str) -> float:
        """The same from pairs of one round each, the median: for what is bound by more than the processor."""
        pairs = zip(self.costs[baseline], self.costs[name], strict=True)
        return median(theirs / own for theirs, own in pairs)


def take_turns(sides: Mapping[str, Cost], rounds: int) -> Rounds:
    """All sides once a round, each round in another order, after one round that does not count."""
    order, shuffle = list(sides), random.Random(9).shuffle
    costs: dict[str, list[float]] = {name: [] for name in sides}
    for work in sides.values():
        work()
    for _ in range(rounds):
        shuffle(order)
        gc.collect()
        for name in order:
            costs[name].append(sides[name]())
    return Rounds(costs)


def processor_time(work: Callable[[], object]) -> float:
    """Seconds that this thread spent on a processor for it."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def elapsed(work: Callable[[], object]) -> float:
    """Seconds by the clock on the wall."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def on_processor(pid: int) -> float:
    """Seconds that another process (of one thread) has spent on a processor, by the kernel's scheduler. Linux."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def percentile(values: list[float], share: float) -> float:
    """The value that this share (0…1) of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
