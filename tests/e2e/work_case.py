"""A queue that `work` works off, and commands for it."""

import os
import pathlib

from entries import EntryCase


class WorkCase(EntryCase):
    def script(self, text, name="command"):
        return self.file(name, "#!/bin/sh\n" + text, mode=0o700)

    def work(self, text, *options, **more):
        return self.inqueue("work", self.queue, "--until-empty", *options, "--", self.script(text), **more)

    def outcome(self):
        return self.sql("SELECT state, error_kind, error_text, attempt_count FROM entry ORDER BY id")

    def fifo(self, name):
        path = self.folder / name
        os.mkfifo(path)
        return path

    def children(self, process):
        return pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()

    def wait_for_children(self, process, count):
        while len(self.children(process)) != count:
            self.assertIsNone(process.poll())
            os.sched_yield()

    def open_until(self, gate, condition):
        """Lets whatever reads from the gate go on."""
        while not condition():
            try:
                os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                os.sched_yield()
