"""Samples, their medians, and whether a bound holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median


@dataclass
class Samples:
    """What one contender measured, in the unit of its row."""

    name: str
    values: list[float] = field(default_factory=list)
    why_not: str = ""  # not measured, and why

    @property
    def median(self) -> float:
        """Return the middle one, which one disturbed run does not move."""
        return median(self.values)

    def text(self) -> str:
        """Return `median (min-max)`."""
        if not self.values:
            return f"not measured: {self.why_not}"
        middle = shown(self.median)
        if len(self.values) == 1:
            return middle
        return f"{middle} ({shown(min(self.values))} to {shown(max(self.values))})"


@dataclass(frozen=True)
class Check:
    """`text` compares `value` with `bound`, both in the same unit; `at_most` says which way."""

    text: str
    value: float
    bound: float
    at_most: bool = True

    @property
    def holds(self) -> bool:
        """Say whether the bound holds."""
        return self.value <= self.bound if self.at_most else self.value >= self.bound

    def line(self) -> str:
        """Return the check as one line of a report."""
        sign = "<=" if self.at_most else ">="
        verdict = "ok" if self.holds else "FAIL"
        return f"{self.text}: {shown(self.value)} {sign} {shown(self.bound)}: {verdict}"


@dataclass
class Result:
    """A row of the table: who measured what, and which bounds hold."""

    name: str
    title: str
    unit: str
    samples: list[Samples] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    more_is_better: bool = False
    why_not: str = ""
    kind: str = "bars"  # or "curve": the samples are "CONTENDER, N programs", drawn over N
    when: str = ""  # it was measured, and the load average as that began

    def of(self, name: str) -> Samples:
        """Return a contender's samples, empty ones if it has none yet."""
        for each in self.samples:
            if each.name == name:
                return each
        self.samples.append(Samples(name))
        return self.samples[-1]

    def has(self, *names: str) -> bool:
        """Say whether all of these were measured."""
        return all(
            any(each.name == name and each.values for each in self.samples) for name in names
        )

    def ratio(
        self, text: str, ours: str, theirs: str, bound: float, *, at_most: bool = True
    ) -> None:
        """Check our median over theirs; nothing to check where one is missing."""
        if self.has(ours, theirs):
            value = self.of(ours).median / self.of(theirs).median
            self.checks.append(Check(text, value, bound, at_most))

    def bound(self, text: str, ours: str, bound: float) -> None:
        """Check our median itself."""
        if self.has(ours):
            self.checks.append(Check(text, self.of(ours).median, bound))

    @property
    def verdict(self) -> str:
        """Return ok, FAIL or not measured."""
        if not self.checks:
            return "not measured"
        return "ok" if all(check.holds for check in self.checks) else "FAIL"


def shown(value: float) -> str:
    """Return a number with three digits that mean something."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.095 else f"{value:.3f}"
