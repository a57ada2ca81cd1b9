"""Sessions of processes: whatever a test starts gets a session of its own, so that all of it can be found.

A session's id survives when a process is orphaned or made a daemon by a simple fork; only setsid() leaves it.
"""

import contextlib
import os
import pathlib
import select
import signal


def _sessions():
    """(id, id of its session) of each process. The kernel is asked, as reading a file of each takes 20 times as long."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(ProcessLookupError):
                yield int(name), os.getsid(int(name))


def _lives(process_id):
    """Zombies do not."""
    try:
        # The command's name, in parentheses, may hold anything, blanks too.
        words = pathlib.Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    state, threads = words[0], int(words[17])
    # A process lives as long as one of its threads does; the state is that of its first.
    return state not in "ZX" or threads > 1


def session_members(*sessions):
    """Ids of the living processes of some sessions."""
    return [process_id for process_id, session in _sessions() if session in sessions and _lives(process_id)]


def session_leaders():
    """Ids of the living processes that have made a session of their own."""
    return [process_id for process_id, session in _sessions() if session == process_id and _lives(process_id)]


def open_files(process_id):
    """What its descriptors lead to; those that it closes meanwhile are left out."""
    found = set()
    for descriptor in pathlib.Path(f"/proc/{process_id}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(descriptor.readlink()))
    return found


def await_exit(process_id, timeout_s):
    """True when the process, not necessarily a child, has ended in time."""
    try:
        descriptor = os.pidfd_open(process_id)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], timeout_s)[0])
    finally:
        os.close(descriptor)


def kill_session(leader, timeout_s=10):
    """Kills the leader, so that it replaces nobody, then whatever is left of its session."""
    remaining = [leader]
    while remaining:
        for process_id in remaining:
            kill_quietly(process_id)
            if not await_exit(process_id, timeout_s):
                raise RuntimeError(f"process {process_id} does not die")
        remaining = session_members(leader)


def kill_quietly(process_id):
    send_quietly(process_id, signal.SIGKILL)


def send_quietly(process_id, number):
    try:
        os.kill(process_id, number)
    except ProcessLookupError:
        pass
