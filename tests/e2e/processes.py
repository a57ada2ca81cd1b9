"""Sessions of processes: whatever a test starts gets a session of its own, so that all of it can be found.

A session's id survives when a process is orphaned or made a daemon by a simple fork; only setsid() leaves it.
"""

import contextlib
import os
import pathlib
import select
import signal


def _living():
    """(id, id of its session) of each process; zombies do not count."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            # The command's name, in parentheses, may hold anything, blanks too.
            words = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, session, threads = words[0], int(words[3]), int(words[17])
        # A process lives as long as one of its threads does; the state is that of its first.
        if state not in "ZX" or threads > 1:
            yield int(folder.name), session


def session_members(session):
    """Ids of the living processes of a session."""
    return [process_id for process_id, its_session in _living() if its_session == session]


def session_leaders():
    """Ids of the living processes that have made a session of their own."""
    return [process_id for process_id, its_session in _living() if its_session == process_id]


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
