"""One run of a program, measured from outside."""

import contextlib
import os
import pathlib
import subprocess
import threading
import time
from typing import NamedTuple

DEADLINE_S = 900
SAMPLE_PAUSE_S = 0.002
ROLES = ["supervisor", "worker", "parser"]
BLOCK_BYTES = 512


class Cost(NamedTuple):
    wall_s: float
    cpu_s: float         # of the program with all its processes
    server_cpu_s: float
    written_bytes: int   # that the kernel was given to write to files, with the program's processes


class Peak(NamedTuple):
    """Bytes of the process of a role that had most."""
    private: int   # found by looking every few milliseconds
    resident: int  # the kernel's own maximum; counts shared libraries too


class Failed(Exception):
    pass


def run(command, environment, account):
    """Costs of one run from start to exit. What the program prints goes to a file, and is shown when it fails."""
    os.sync()
    server = account.server.process.pid
    server_before_s = session_cpu_s(server)
    with Started(command, environment, account.maildir.parent) as started:
        wall_s, usage = started.wait()
    account.settle()
    return Cost(wall_s, usage.ru_utime + usage.ru_stime, session_cpu_s(server) - server_before_s,
                usage.ru_oublock * BLOCK_BYTES)


def session_cpu_s(session):
    """What a session's processes have used so far, those included that have ended and were waited for."""
    ticks = 0
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(words[3]) == session:
                ticks += sum(int(word) for word in words[11:15])  # utime, stime, cutime, cstime: proc_pid_stat(5)
    return ticks / os.sysconf("SC_CLK_TCK")


def output(command, environment, account):
    """The same, and what it printed on standard output."""
    cost = run(command, environment, account)
    return cost, output_file(account.maildir.parent).read_text()


def output_file(folder):
    return folder / "output"


class Started:
    """A running program; wait() returns seconds and resources when it has ended well."""

    def __init__(self, command, environment, folder):
        self._output = output_file(folder)
        self._command = command
        self._begin_s = time.monotonic()
        with open(self._output, "wb") as out, open(f"{self._output}.errors", "wb") as errors:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=errors, env={**os.environ, **environment})
        self._deadline = threading.Timer(DEADLINE_S, self.process.kill)
        self._deadline.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._deadline.cancel()
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()

    def wait(self):
        _, status, usage = os.wait4(self.process.pid, 0)
        wall_s = time.monotonic() - self._begin_s
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            words = pathlib.Path(f"{self._output}.errors").read_text(errors="replace")
            raise Failed(f"{self._command[0]} ended with status {self.process.returncode}\n{words[-2000:]}")
        return wall_s, usage


def peak_memory(command, environment, account):
    """A Peak for each role. Looking slows the program down: such a run is not one for its time."""
    peaks = {}
    with Started(command, environment, account.maildir.parent) as started:
        ended = threading.Event()
        watcher = threading.Thread(target=watch_memory, args=(started.process.pid, peaks, ended))
        watcher.start()
        try:
            started.wait()
        finally:
            ended.set()
            watcher.join()
    account.settle()
    return peaks


def watch_memory(leader, peaks, ended):
    while not ended.wait(SAMPLE_PAUSE_S):
        level = [leader]
        for role in ROLES:
            for process_id in level:
                note_peak(peaks, role, process_id)
            level = [child for process_id in level for child in children(process_id)]


def note_peak(peaks, role, process_id):
    try:
        rollup = pathlib.Path(f"/proc/{process_id}/smaps_rollup").read_text()
        status = pathlib.Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return
    before = peaks.get(role, Peak(0, 0))
    peaks[role] = Peak(max(before.private, sum_kb(rollup, "Private_") * 1024),
                       max(before.resident, sum_kb(status, "VmHWM") * 1024))


def sum_kb(text, beginning):
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(beginning))


def children(process_id):
    try:
        return [int(child) for child in
                pathlib.Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()]
    except OSError:
        return []
