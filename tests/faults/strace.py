"""Faults at system calls, by strace: a process is killed at a call, or the call fails.

strace counts each process's calls by itself: `when=3` is the third such call of the supervisor, of the worker and
of the parser, whoever comes to it; a fault with `first_only` meets the supervisor alone.
"""

import collections
import re

LINE = re.compile(r"(\d+) +(\w+)\(")


def inject(log, call, action, when, first_only=False):
    """To be put in front of the program's command line."""
    return ["strace", *([] if first_only else ["-f"]), "-qq", "-o", str(log),
            "-e", f"trace={call}", "-e", f"inject={call}:{action}:when={when}"]


def watch(log, calls, first_only=False):
    return ["strace", *([] if first_only else ["-f"]), "-qq", "-o", str(log), "-e", "trace=" + ",".join(calls)]


def count_calls(log):
    """{call: how often the process that made it most often made it}."""
    counts = collections.Counter()
    for line in log.read_text(errors="replace").splitlines():
        # Without -f strace does not say which process.
        match = LINE.match(line if line[:1].isdigit() else "0 " + line)
        if match:
            counts[match[1], match[2]] += 1
    most = collections.Counter()
    for (_, call), count in counts.items():
        most[call] = max(most[call], count)
    return most
