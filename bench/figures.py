"""The figures that scenarios give, and what becomes of several runs of them."""

import statistics
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(frozen=True)
class Figure:
    """One measured number; less is better for all of them."""

    label: str
    unit: str
    value: float
    is_count: bool = False
    """True for a count of faults, where the worst run counts and no ratio makes sense."""


@dataclass
class Results:
    """All figures of all servers, run by run."""

    labels: list[tuple[str, str]] = field(default_factory=list)
    """Label and unit of each row, in the order in which they first came."""
    counts: set[str] = field(default_factory=set)
    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    """The values of a server and a label, one a run."""
    noise: list[float] = field(default_factory=list)
    """CPUs that others kept busy during each measurement."""

    def add(self, server: str, figure: Figure) -> None:
        """Take one figure of one run."""
        if (figure.label, figure.unit) not in self.labels:
            self.labels.append((figure.label, figure.unit))
        if figure.is_count:
            self.counts.add(figure.label)
        self.values.setdefault((server, figure.label), []).append(figure.value)

    def value(self, server: str, label: str) -> float | None:
        """Return the median of the runs (of fault counts, the worst), or None when there is none."""
        values = self.values.get((server, label))
        if not values:
            return None
        return max(values) if label in self.counts else statistics.median(values)


def percentile(ordered: list[float], share: float) -> float:
    """Return the value below which `share` (0..1) of the sorted values lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def delivery_faults(ids: list[int], expected: int) -> int:
    """Return how many of 0..expected-1 were lost, doubled or overtaken by a later one."""
    distinct = len(set(ids))
    overtaken = sum(later < earlier for earlier, later in pairwise(ids))
    return (expected - distinct) + (len(ids) - distinct) + overtaken
