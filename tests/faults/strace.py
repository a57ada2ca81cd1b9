"""Faults at system calls, by strace: a process is killed at a call, or the call fails.

strace counts each process's calls by itself: `when` 3 is the third such call of the supervisor, of the worker and
of the parser, whoever comes to it; a fault with `first_only` meets the supervisor alone. To strike each call of one
process: tracer.py.
"""

import collections
import re

CALL = re.compile(r"(\d+) +(\w+)\(")
KILLED = re.compile(r"(\d+) +\+\+\+ killed by SIGKILL")
FILTER = "--seccomp-bpf"  # processes stop only where they are watched


def kill(log, call, when, first_only=False):
    """To be put in front of the program's command line. strace 6.1 sends no signal to whom FILTER stops."""
    return [*start(log, first_only), "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={when}"]


def fail(log, call, error, when):
    return [*start(log), FILTER, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"]


def watch(log, calls, first_only=False):
    return [*start(log, first_only), "-e", "trace=" + ",".join(calls)]


def start(log, first_only=False):
    return ["strace", *([] if first_only else ["-f"]), "-qq", "-o", str(log)]


def count_by_process(log):
    """{process: {call: how often}}, and the processes that were killed."""
    counts, killed = collections.defaultdict(collections.Counter), set()
    for line in log.read_text(errors="replace").splitlines():
        # Without -f strace does not say which process.
        line = line if line[:1].isdigit() else "0 " + line
        if match := CALL.match(line):
            counts[match[1]][match[2]] += 1
        elif match := KILLED.match(line):
            killed.add(match[1])
    return counts, killed


def count_calls(log):
    """{call: how often the process that made it most often made it}."""
    most = collections.Counter()
    for calls in count_by_process(log)[0].values():
        most |= calls
    return most


def has_killed(log, call, when):
    """Nobody got past that call, and somebody died of it."""
    counts, killed = count_by_process(log)
    return count_calls(log)[call] == when and any(counts[process][call] == when for process in killed)
