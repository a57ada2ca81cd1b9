"""Many workers at one queue, killed at any moment: what happened to its entries."""

import contextlib
import random
import sqlite3
import subprocess

import processes

FIGURES = {
    "entries": "SELECT count(*) FROM entry_status",
    "done": "SELECT count(*) FROM entry_status WHERE state = 'done'",
    "claims": "SELECT count(*) FROM entry_event WHERE change = 'claimed'",
    "expired": "SELECT count(*) FROM entry_event WHERE change = 'expired'",
    "twice": "SELECT count(*) FROM (SELECT 1 FROM entry_event WHERE change = 'completed' GROUP BY entry_id"
             " HAVING count(*) > 1)",
    # From the end of a lease to the moment when somebody noticed.
    "longest_stuck_ms": "SELECT max(e.duration_ms) FROM entry_event e WHERE e.change = 'expired'",
}


def run(bench, database, entries, workers=16, kills=20, lease_ms=1000, batch=5, seed=1):
    """Kills as many workers as told, evenly over the work, and replaces them; the figures of it."""
    subprocess.run([bench, "fill", database, str(entries)], check=True)
    command = [bench, "work", database, str(lease_ms), str(batch)]
    chosen = random.Random(seed)
    crew = [subprocess.Popen(command) for _ in range(workers)]
    killed = 0
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as eyes:
        while killed < kills:
            # Entries go in the order of their ids. To count them would hold up every commit.
            first, = eyes.execute("SELECT min(id) FROM entry_status WHERE queue_id = 1 AND state = 'new'").fetchone()
            if first is None:
                break
            done = first - 1
            if done < entries * (killed + 1) / (kills + 2):
                # Before the next kill is due, a look now and then is enough.
                processes.await_exit(crew[0].pid, 0.002)
                continue
            index = chosen.randrange(workers)
            crew[index].kill()
            crew[index].wait()
            crew[index] = subprocess.Popen(command)
            killed += 1
    codes = [worker.wait(600) for worker in crew]
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as eyes:
        figures = {name: eyes.execute(query).fetchone()[0] for name, query in FIGURES.items()}
        figures["integrity"] = eyes.execute("PRAGMA integrity_check").fetchone()[0]
    figures["longest_stuck_ms"] = max(0, (figures["longest_stuck_ms"] or 0) - lease_ms)
    return {**figures, "killed": killed, "failed_workers": sum(code != 0 for code in codes)}


def faults(figures):
    """What must not be; empty when all is well."""
    wrong = []
    if figures["done"] != figures["entries"]:
        wrong.append("entries are left")
    if figures["twice"]:
        wrong.append("entries were completed twice")
    if figures["failed_workers"] or figures["integrity"] != "ok":
        wrong.append("a worker failed, or the database is damaged")
    return wrong
