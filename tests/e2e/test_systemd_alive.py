"""The units in samples/systemd under a systemd of their own, which starts, reloads, replaces and ends the service."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import unittest

import processes
from inqueue import PROGRAM, SOURCE_DIR, LoadCase, messages

UNITS = SOURCE_DIR / "samples" / "systemd"
DATABASE = "/var/lib/inqueue/inqueue.db"
DEADLINE_S = 100
AS_SERVICE = ["runuser", "-u", "inqueue", "--", "env", "ASAN_OPTIONS=detect_leaks=0", "/usr/local/bin/inqueue", "--database",
              DATABASE]

# A hierarchy of control groups that nothing else uses, and in it a group that the machine takes for all there is.
OUTSIDE = """
mount -t tmpfs tmpfs /sys/fs/cgroup
mkdir /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mkdir -p "/sys/fs/cgroup/systemd/$GROUP"
echo $$ >"/sys/fs/cgroup/systemd/$GROUP/cgroup.procs"
exec unshare --mount --pid --fork --kill-child --mount-proc --cgroup --uts --ipc sh -e -c "$INSIDE" sh "$@"
"""

INSIDE = """
umount /sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount --make-rshared /
exec "$@"
"""

# A user more, and of all units those that a service needs. The programs are opened before the folder that they may lie
# in is hidden.
START = """
exec 3<"$PROGRAM" 4<"$PROGRAM-parser"
for folder in /run /var/lib /var/log /usr/local; do mount -t tmpfs -o mode=755 tmpfs $folder; done
mkdir -p /usr/local/bin /usr/local/libexec/inqueue
cat <&3 >/usr/local/bin/inqueue
cat <&4 >/usr/local/libexec/inqueue/inqueue-parser
chmod 755 /usr/local/bin/inqueue /usr/local/libexec/inqueue/inqueue-parser
exec 3<&- 4<&-
echo 'inqueue:x:61000:61000::/var/lib/inqueue:/usr/sbin/nologin' | cat /etc/passwd - >/run/passwd
echo 'inqueue:x:61000:' | cat /etc/group - >/run/group
mount --bind /run/passwd /etc/passwd
mount --bind /run/group /etc/group
mkdir -p /run/units /var/lib/inqueue
chown inqueue:inqueue /var/lib/inqueue
for name in basic multi-user network-online shutdown sysinit timers umount; do
	cp /usr/lib/systemd/system/$name.target /run/units/
done
cp /usr/lib/systemd/system/systemd-journald.service /usr/lib/systemd/system/systemd-journald.socket /run/units/
exec setpriv --bounding-set -sys_time,-sys_module,-sys_boot,-sys_rawio /usr/lib/systemd/systemd --system \\
	--unit=systemd-journald.service --log-target=journal --show-status=no
"""

DROP_IN = """
[Service]
Environment=ASAN_OPTIONS=detect_leaks=0
LoadCredential=invoices:/run/invoices.password
"""


class Machine:
    """Processes and files of their own, with systemd as the first process."""

    group = f"inqueue-test-{os.getpid()}"

    @classmethod
    def command(cls, *command):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "GROUP": cls.group, "INSIDE": INSIDE,
                       "PROGRAM": str(PROGRAM), "container": "inqueue-test", "SYSTEMD_UNIT_PATH": "/run/units"}
        return {"args": ["unshare", "--mount", "sh", "-e", "-c", OUTSIDE, "sh", *command], "env": environment,
                "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE,
                "start_new_session": True}

    @classmethod
    def fault(cls):
        """Why there can be none here; None where there can."""
        tried = subprocess.run(**cls.command("true"), text=True, check=False)
        cls.remove_group()
        return f"no machine within this one: {tried.stderr.strip()}" if tried.returncode != 0 else None

    @classmethod
    def remove_group(cls):
        script = OUTSIDE.partition("mkdir -p")[0] + 'find "/sys/fs/cgroup/systemd/$GROUP" -depth -type d -delete'
        subprocess.run(["unshare", "--mount", "sh", "-e", "-c", script], env={**os.environ, "GROUP": cls.group},
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def __enter__(self):
        self.process = subprocess.Popen(**self.command("sh", "-e", "-c", START))
        while self.run("systemctl", "is-active", "systemd-journald.service", check=False) != "active\n":
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.1)
                raise RuntimeError(f"systemd does not start: {self.process.stderr.read().decode()}")
        return self

    def __exit__(self, *_):
        first = self._first()
        processes.kill_session(self.process.pid)
        self.process.wait()
        if first:
            processes.await_exit(first, DEADLINE_S)  # the last one there
        self.process.stderr.close()
        self.remove_group()

    def _first(self):
        """Of its processes, by its number here: the child of the one that was started. 0 before there is one."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children or 0)

    def _inside(self, *command):
        return ["nsenter", "--target", str(self._first()), "--mount", "--pid", "--cgroup", "--uts", "--ipc", "--", *command]

    def run(self, *command, stdin="", check=True):
        """What the command prints."""
        ran = subprocess.run(self._inside(*command), input=stdin, capture_output=True, text=True, check=False)
        if check and ran.returncode != 0:
            raise AssertionError(f"{command}: {ran.returncode}\n{ran.stdout}{ran.stderr}")
        return ran.stdout

    def write(self, path, text):
        self.run("install", "-D", "--mode=600", "/dev/stdin", path, stdin=text)

    def follow(self, unit):
        """The unit's journal as it is written, until the deadline."""
        return subprocess.Popen(self._inside("timeout", str(DEADLINE_S), "journalctl", "--quiet", "--follow", "--lines=all",
                                             "--output=cat", "--unit", unit),
                                stdout=subprocess.PIPE, text=True)


class Alive(LoadCase):
    @classmethod
    def setUpClass(cls):
        fault = "needs root" if os.getuid() != 0 else Machine.fault()
        if fault:
            raise unittest.SkipTest(fault)
        super().setUpClass()

    def setUp(self):
        super().setUp()
        self.machine = self.enterContext(Machine())
        for unit in UNITS.iterdir():
            self.machine.write(f"/run/units/{unit.name}", unit.read_text())
        for name in ["inqueue", "inqueue-load@"]:
            self.machine.write(f"/run/units/{name}.service.d/test.conf", DROP_IN)
        self.machine.write("/run/invoices.password", "correct horse\n")
        self.machine.run(*AS_SERVICE, "queue", "create", "invoices", "--user-name", self.user, "--password-credential",
                         "invoices", "--connection-string", f"url={self.server.address};port={self.server.port}",
                         "--no-check")
        self.machine.run("systemctl", "daemon-reload")

    def follow(self, unit):
        self.journal = self.machine.follow(unit)
        self.addCleanup(self.journal.stdout.close)
        self.addCleanup(self.journal.wait)
        self.addCleanup(self.journal.terminate)

    def wait(self, pattern):
        """Reads on in the journal."""
        lines = []
        for line in self.journal.stdout:
            lines.append(line)
            if re.search(pattern, line):
                return
        self.fail(f"waited in vain for {pattern}:\n" + "".join(lines))

    def systemctl(self, *arguments):
        return self.machine.run("systemctl", *arguments)

    def show(self, unit, name):
        return self.systemctl("show", unit, "--value", f"--property={name}").strip()

    def count_new(self):
        return self.machine.run(*AS_SERVICE, "list", "invoices", "--json").count('"state":"new"')

    def test_the_service(self):
        self.follow("inqueue.service")
        self.systemctl("start", "inqueue")  # until it has said READY=1
        self.wait("level=info event=signed_in queue=invoices")
        self.deliver(*messages(2))
        for _ in range(2):
            self.wait("event=stored queue=invoices")
        self.assertEqual(2, self.count_new())
        self.assertRegex(self.show("inqueue", "StatusText"), "^1 queues: ")
        notices = self.machine.run("journalctl", "--unit=inqueue", "--priority=notice", "--output=cat")
        self.assertIn("event=ready", notices)
        self.assertNotIn("event=stored", notices)
        self.systemctl("reload", "inqueue")
        self.wait("event=reloaded")
        self.systemctl("stop", "inqueue")
        self.assertEqual(("inactive", "success", "0"),
                         tuple(self.show("inqueue", name) for name in ["ActiveState", "Result", "ExecMainStatus"]))

    def test_the_watchdog(self):
        """What stands still is replaced."""
        self.machine.write("/run/units/inqueue.service.d/watchdog.conf", "[Service]\nWatchdogSec=10\nTimeoutAbortSec=1\n")
        self.systemctl("daemon-reload")
        self.follow("inqueue.service")
        self.systemctl("start", "inqueue")
        self.wait("event=signed_in")
        self.systemctl("kill", "--kill-whom=main", f"--signal={signal.SIGSTOP.name}", "inqueue")
        self.wait("Watchdog timeout")
        self.wait("event=signed_in")
        self.assertGreaterEqual(int(self.show("inqueue", "NRestarts")), 1)

    def test_the_timer(self):
        """Due at once: but for its randomized delay, and for being as exact as saves power."""
        self.machine.write("/run/units/inqueue-load@.timer.d/test.conf", "[Timer]\nRandomizedDelaySec=0\nAccuracySec=1us\n")
        self.systemctl("daemon-reload")
        self.deliver(*messages(2))
        self.follow("inqueue-load@invoices.service")
        self.systemctl("start", "inqueue-load@invoices.timer")
        self.wait("inqueue-load@invoices.service: Deactivated successfully")
        self.assertEqual("success", self.show("inqueue-load@invoices.service", "Result"))
        self.assertEqual(2, self.count_new())


if __name__ == "__main__":
    unittest.main()
