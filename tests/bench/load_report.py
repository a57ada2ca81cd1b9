"""What tests/bench/load prints: Markdown tables, for inqueue-figures(7)."""

import statistics
from typing import NamedTuple

MB = 1e6


class Goal(NamedTuple):
    what: str
    measured: float
    limit: float
    unit: str = ""

    @property
    def met(self):
        return self.measured <= self.limit


class Series:
    """The costs of an entrant's runs."""

    def __init__(self, costs=()):
        self.costs = list(costs)
        self.failures = 0

    def median(self, field):
        return statistics.median(getattr(cost, field) for cost in self.costs)

    def spread(self):
        walls = [cost.wall_s for cost in self.costs]
        return f"{min(walls):.2f} to {max(walls):.2f}" if len(walls) > 1 else ""

    def row(self):
        return (f"{self.median('wall_s'):.2f} | {self.spread()} | {len(self.costs)} | {self.median('cpu_s'):.2f} | "
                f"{self.median('server_cpu_s'):.2f} | {self.median('written_bytes') / MB:.0f}")


def print_case(title, series):
    """What each entrant cost."""
    print(f"\n| {title} | s | least to most | runs | CPU, s | server's CPU, s | MB written |")
    print("|---|---|---|---|---|---|---|")
    for name, runs in series.items():
        if runs.failures:
            print(f"| {name} | failed | | {runs.failures} | | | |")
        if runs.costs:
            print(f"| {name} | {runs.row()} |")


def print_growth(series):
    """How many times as much the second of each two entrants costs."""
    print("\n| times as much | s | CPU, s | server's CPU, s |\n|---|---|---|---|")
    entrants = list(series.items())
    for (_, few), (name, many) in zip(entrants[::2], entrants[1::2]):
        ratios = (many.median(field) / few.median(field) for field in ["wall_s", "cpu_s", "server_cpu_s"])
        print(f"| {name} | {' | '.join(f'{ratio:.1f}' for ratio in ratios)} |")


def print_summary(cases):
    """All entrants in one table: seconds, and the least and the most where there were several runs."""
    names = dict.fromkeys(name for series in cases.values() for name, runs in series.items() if runs.costs)
    print(f"\n| s | {' | '.join(cases)} |\n|---|{'---|' * len(cases)}")
    for name in names:
        print(f"| {name} | {' | '.join(summary_cell(series.get(name)) for series in cases.values())} |")


def summary_cell(runs):
    if not (runs and runs.costs):
        return ""
    spread = runs.spread()
    return f"{runs.median('wall_s'):.2f}" + (f" ({spread})" if spread else "")


def print_peaks(peaks):
    print("\n| inqueue, largest memory in MB: private (resident) | supervisor | worker | parser |\n|---|---|---|---|")
    for what, roles in peaks.items():
        cells = [f"{peak.private / MB:.1f} ({peak.resident / MB:.1f})" for peak in roles.values()]
        print(f"| {what} | {' | '.join(cells)} |")


def print_idle(entries, series, start, curl, trips):
    words = ", then ".join(" + ".join(commands) for commands in trips) or "nothing"
    print(f"\n| nothing new, {entries:,} entries in the database | |\n|---|---|")
    print(f"| time | {series.median('wall_s') * 1000:.1f} ms |")
    print(f"| CPU | {series.median('cpu_s') * 1000:.1f} ms |")
    print(f"| CPU of `inqueue --help`: starting and ending the program | {start.median('cpu_s') * 1000:.1f} ms |")
    print(f"| CPU of `curl` asked for a SEARCH of the same mailbox | {curl.median('cpu_s') * 1000:.1f} ms |")
    print(f"| asked beside sign-in, SELECT and LOGOUT | {words} |")


def print_goals(goals):
    print("\n| goal | at most | measured | |\n|---|---|---|---|")
    for goal in goals:
        print(f"| {goal.what} | {number(goal.limit)}{goal.unit} | {number(goal.measured)}{goal.unit} | "
              f"{'met' if goal.met else '**missed**'} |")


def number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".")
