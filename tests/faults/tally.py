"""The figures of a class of faults: a row of the table of inqueue-guarantees(7).

Each row is printed, and appended to the file $INQUEUE_FIGURES. A campaign takes hours: with $INQUEUE_JOURNAL each trial
that ended well is noted in that file, and a campaign that was stopped goes on behind what is noted there.
"""

import json
import os
import sys
import threading
import time

FIGURES = os.environ.get("INQUEUE_FIGURES")
JOURNAL = os.environ.get("INQUEUE_JOURNAL")
PROGRESS_S = 10


class Tally:
    """Threads: any."""

    def __init__(self, name):
        self.name = name
        self.tries = self.lost = self.twice = self.unexpected = self.recovered = 0
        self._lock = threading.Lock()
        self._noted = self._read_journal()
        self._told_at = time.monotonic()

    def __str__(self):
        return (f"| {self.name} | {self.tries:,} | {self.lost} | {self.twice} | {self.unexpected} "
                f"| {self.recovered:,} |")

    def report(self):
        print(self)
        if FIGURES:
            with open(FIGURES, "a", encoding="utf-8") as figures:
                print(self, file=figures)

    def add(self, verdict, recovered, trial=None):
        """One trial; `trial` names it in the journal."""
        with self._lock:
            self.tries += 1
            self.lost += bool(verdict.lost)
            self.twice += bool(verdict.twice)
            self.unexpected += bool(verdict.unexpected)
            self.recovered += recovered
            if JOURNAL and trial and verdict:
                self._note(trial, recovered)
            if JOURNAL and time.monotonic() > self._told_at + PROGRESS_S:
                self._told_at = time.monotonic()
                print(time.strftime("%H:%M:%S"), self, file=sys.stderr, flush=True)

    def has(self, trial):
        """Was it tried before this campaign was stopped? Then it counts."""
        recovered = self._noted.pop(trial, None)
        if recovered is None:
            return False
        with self._lock:
            self.tries += 1
            self.recovered += recovered
        return True

    def _note(self, trial, recovered):
        with open(JOURNAL, "a", encoding="utf-8") as journal:
            print(json.dumps([self.name, trial, recovered]), file=journal)

    def _read_journal(self):
        if not JOURNAL or not os.path.exists(JOURNAL):
            return {}
        with open(JOURNAL, encoding="utf-8") as journal:
            noted = [json.loads(line) for line in journal if line.endswith("\n")]
        return {trial: recovered for name, trial, recovered in noted if name == self.name}
