"""A command in the surroundings that a unit of systemd gives it, as far as they can be had without systemd: system calls,
umask, and the variables that tell of the journal and the watchdog.

    python3 confined.py UNIT COMMAND…
"""

import ctypes
import errno
import functools
import mmap
import os
import pathlib
import re
import socket
import subprocess
import sys

ALLOW, ERROR = 0x7FFF0000, 0x00050000  # libseccomp's SCMP_ACT_…
EQUAL, MASKED_EQUAL = 4, 7  # and SCMP_CMP_…
UNKNOWN = -1
FAMILIES = 64
SHM_EXEC = 0o100000
# mount, cgroup, uts, ipc, user, pid, net: clone(2)
NAMESPACES = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]


def settings(unit, name):
    """The values of a setting that may be repeated."""
    return re.findall(rf"(?m)^{name}=(.*)", pathlib.Path(unit).read_text())


@functools.cache
def expand(name):
    """System calls, for the name of one or of a group."""
    if not name.startswith("@"):
        return {name}
    shown = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True).stdout
    members = [line.strip() for line in shown.splitlines()[1:]]
    return set().union(*(expand(member) for member in members if member and not member.startswith("#")))


def allowed(unit):
    """By the SystemCallFilter= lines, as systemd.exec(5) has them."""
    calls = set(expand("@default"))
    for value in settings(unit, "SystemCallFilter"):
        named = set().union(*(expand(name) for name in value.removeprefix("~").split()))
        calls = calls - named if value.startswith("~") else calls | named
    return calls


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int),
                ("first", ctypes.c_uint64), ("second", ctypes.c_uint64)]


class Filter:
    """One of those that add up: a call passes when all of them let it."""

    def __init__(self, otherwise):
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(otherwise))

    def add(self, action, call, *comparisons):
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number == UNKNOWN:  # to this machine's architecture, or to a library older than systemd
            return
        array = (Comparison * len(comparisons))(*comparisons)
        self._check(self._library.seccomp_rule_add_array(self._context, action, number, len(comparisons), array))

    def load(self):
        self._check(self._library.seccomp_load(self._context))

    @staticmethod
    def _check(code):
        if code != 0:
            raise OSError(-code, os.strerror(-code))


def deny_code_in_writable_memory():
    made = Filter(ALLOW)
    both = mmap.PROT_WRITE | mmap.PROT_EXEC
    made.add(ERROR | errno.EPERM, "mmap", Comparison(2, MASKED_EQUAL, both, both))
    for call in ["mprotect", "pkey_mprotect"]:
        made.add(ERROR | errno.EPERM, call, Comparison(2, MASKED_EQUAL, mmap.PROT_EXEC, mmap.PROT_EXEC))
    made.add(ERROR | errno.EPERM, "shmat", Comparison(2, MASKED_EQUAL, SHM_EXEC, SHM_EXEC))
    made.load()


def deny_namespaces():
    made = Filter(ALLOW)
    for call in ["unshare", "setns"]:
        made.add(ERROR | errno.EPERM, call)
    made.add(ERROR | errno.ENOSYS, "clone3")
    for flag in NAMESPACES:
        made.add(ERROR | errno.EPERM, "clone", Comparison(0, MASKED_EQUAL, flag, flag))
    made.load()


def allow_address_families(names):
    made = Filter(ALLOW)
    for family in set(range(FAMILIES)) - {getattr(socket, name) for name in names}:
        made.add(ERROR | errno.EAFNOSUPPORT, "socket", Comparison(0, EQUAL, family))
    made.load()


def allow_calls(calls):
    made = Filter(ERROR | errno.EPERM)
    for call in calls:
        made.add(ALLOW, call)
    made.load()


def enter(unit):
    os.umask(int(settings(unit, "UMask")[0], 8))
    status = os.fstat(sys.stderr.fileno())
    os.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
    os.environ["WATCHDOG_PID"] = str(os.getpid())
    calls = allowed(unit)
    if settings(unit, "MemoryDenyWriteExecute") == ["yes"]:
        deny_code_in_writable_memory()
    if settings(unit, "RestrictNamespaces") == ["yes"]:
        deny_namespaces()
    allow_address_families(settings(unit, "RestrictAddressFamilies")[0].split())
    allow_calls(calls)


if __name__ == "__main__":
    enter(sys.argv[1])
    os.execvp(sys.argv[2], sys.argv[2:])
