"""What tests/bench/load prints: Markdown, so that it can stand in the README as it is."""

import statistics
from typing import NamedTuple


class Goal(NamedTuple):
    what: str
    measured: float
    limit: float
    unit: str = ""

    @property
    def met(self):
        return self.measured <= self.limit


class Series:
    """The runs of one entrant with one corpus."""

    def __init__(self):
        self.costs = []

    def median(self, field):
        return statistics.median(getattr(cost, field) for cost in self.costs)

    def row(self, name):
        walls = [cost.wall_s for cost in self.costs]
        spread = f"{min(walls):.2f} to {max(walls):.2f}" if len(walls) > 1 else "one run"
        return (f"| {name} | {self.median('wall_s'):.2f} | {spread} | {self.median('cpu_s'):.2f} | "
                f"{self.median('server_cpu_s'):.2f} | {self.median('written_bytes') / 1e6:.0f} |")


def print_case(title, series, rounds):
    print(f"\n| {title} | s (median of {rounds}) | least to most | its CPU, s | server's CPU, s | MB written |")
    print("|---|---|---|---|---|---|")
    for name, runs in series.items():
        if runs.costs:
            print(runs.row(name))


def print_goals(goals):
    print("\n| goal | at most | measured | |\n|---|---|---|---|")
    for goal in goals:
        print(f"| {goal.what} | {number(goal.limit)}{goal.unit} | {number(goal.measured)}{goal.unit} | "
              f"{'met' if goal.met else '**missed**'} |")


def number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".")


def ratio(series, name, other, limit, what):
    """A goal about two medians; none where one of the two did not run."""
    if not (series[name].costs and series[other].costs):
        return []
    return [Goal(what, series[name].median("wall_s") / series[other].median("wall_s"), limit, " ×")]
