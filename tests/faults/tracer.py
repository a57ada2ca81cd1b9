"""Follows a program and all that it starts, by ptrace(2), counts the system calls of each process, all its threads together,
and kills one process at a call. strace counts each thread by itself, and its `when` strikes whoever comes to that number
first: a supervisor that reads as often as its worker dies in its place.

Processes are numbered in the order in which they begin: 0 is the program itself.
"""

import collections
import ctypes
import os
import pathlib
import re
import signal
import struct
import subprocess

TRACEME, CONTINUE_TO_CALL, SETOPTIONS, GETEVENTMSG, GET_SYSCALL_INFO = 0, 24, 0x4200, 0x4201, 0x420E
OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x100000  # calls are marked; fork, vfork, clone and exec are followed; all die with us
BIRTHS = {1, 2, 3}  # PTRACE_EVENT_FORK, _VFORK, _CLONE
CALL_STOP = signal.SIGTRAP | 0x80
ENTRY = 1  # PTRACE_SYSCALL_INFO_ENTRY
OF_THIS_THREAD = 0x40000000 | 0x20000000  # __WALL | __WNOTHREAD
HEADER = pathlib.Path(f"/usr/include/{os.uname().machine}-linux-gnu/asm/unistd_64.h")  # of linux-libc-dev

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
NAMES = {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text())}


def ptrace(request, thread, address=None, data=None):
    """False: it was killed meanwhile."""
    return libc.ptrace(request, thread, address, data) >= 0


def process_of(thread):
    return int(re.search(r"(?m)^Tgid:\t(\d+)$", pathlib.Path(f"/proc/{thread}/status").read_text())[1])


def every_call(tracer):
    """(process, call, the how manieth) of each call that it has counted."""
    return [(process, call, when) for (process, call), count in sorted(tracer.counts.items()) for when in range(1, count + 1)]


class Tracer:
    """One run of a program, to the end of all that it starts; `strike` is (process, call, the how manieth)."""

    def __init__(self, command, calls, strike=None):
        self.calls, self.strike = set(calls), strike
        self.counts = collections.Counter()  # (process, call): how often
        self.struck = False
        self._processes = []                 # their ids; a number is a place here
        self._threads = {}                   # those that live: number of the process
        self._begun, self._ended = set(), set()
        # The signal that exec() raises stops the program before its first instruction.
        self._program = subprocess.Popen(**command, preexec_fn=lambda: ptrace(TRACEME, 0))
        os.waitpid(self._program.pid, 0)
        ptrace(SETOPTIONS, self._program.pid, None, OPTIONS)
        self._begun.add(self._program.pid)
        self._know(self._program.pid)
        ptrace(CONTINUE_TO_CALL, self._program.pid)
        while self._threads:
            self._next()

    @property
    def returncode(self):
        return self._program.returncode

    def _next(self):
        thread, status = os.waitpid(-1, OF_THIS_THREAD)
        if os.WIFSTOPPED(status):
            self._know(thread)
            ptrace(CONTINUE_TO_CALL, thread, None, self._stopped(thread, os.WSTOPSIG(status), status >> 16))
            return
        self._ended.add(thread)
        self._threads.pop(thread, None)
        if thread == self._program.pid:
            self._program.returncode = os.waitstatus_to_exitcode(status)

    def _stopped(self, thread, number, event):
        """The signal that the thread gets when it goes on."""
        if event in BIRTHS:
            born = ctypes.c_ulong()
            if ptrace(GETEVENTMSG, thread, None, ctypes.byref(born)):
                self._know(born.value)
        elif number == CALL_STOP:
            self._at_call(thread)
        elif event == 0 and thread in self._begun:
            return number
        elif event == 0:
            self._begun.add(thread)  # it begins with a SIGSTOP that nobody sent
        return 0

    def _know(self, thread):
        if thread in self._threads or thread in self._ended:
            return
        process = process_of(thread)
        if process not in self._processes:
            self._processes.append(process)
        self._threads[thread] = self._processes.index(process)

    def _at_call(self, thread):
        about = ctypes.create_string_buffer(88)
        if not ptrace(GET_SYSCALL_INFO, thread, len(about), about) or about.raw[0] != ENTRY:
            return
        name = NAMES.get(struct.unpack_from("Q", about.raw, 24)[0])
        if name not in self.calls:
            return
        number = self._threads[thread]
        self.counts[number, name] += 1
        if self.strike == (number, name, self.counts[number, name]):
            os.kill(self._processes[number], signal.SIGKILL)
            self.struck = True
