"""Who takes part in tests/bench/load. Each brings all mail of an account to the same file system, and says what it cost.

A contender is a function of an account and a folder of its own; it fails when the mail has not arrived.
"""

import contextlib
import pathlib
import shutil
import sqlite3
import subprocess

import load_meter
from load_server import PASSWORD

BENCH_DIR = pathlib.Path(__file__).resolve().parent
BUILD_DIR = BENCH_DIR.parents[1] / "build" / "release"
ARCHIVE = "DROPBOX"
# The commands of others, and the Debian packages that have them (samples/packages bench).
PACKAGES = {"mbsync": "isync", "fdm": "fdm", "getmail": "getmail6"}

MBSYNC = """\
FSync {fsync}

IMAPStore far
Host {host}
Port {port}
User {user}
Pass "{password}"
AuthMechs LOGIN
SSLType {tls}
{certificate}
MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/inbox

Channel bench
Far :far:
Near :near:
Patterns INBOX
Create Near
Sync Pull New
SyncState {folder}/state/
"""


class Inqueue:
    """The program under test; each run has a database of its own."""

    name = "inqueue"

    def __init__(self, program):
        self.program = program

    def __call__(self, account, folder):
        command, environment = self.prepare(account, folder)
        cost = load_meter.run(command, environment, account)
        self.check(account, folder)
        return cost

    def memory(self, account, folder):
        command, environment = self.prepare(account, folder)
        peaks = load_meter.peak_memory(command, environment, account)
        self.check(account, folder)
        return peaks

    def prepare(self, account, folder):
        """The command that loads, and its environment."""
        environment = {"INQUEUE_DATABASE": str(database(folder)), "MAIL_PASSWORD": PASSWORD}
        keys = f"url={account.host};port={account.port};maxSize=300MB"
        if account.ca_file:
            keys += f";ssl=True;caFile={account.ca_file}"
        subprocess.run([self.program, "queue", "create", "bench", "--user-name", account.user,
                        "--password-env", "MAIL_PASSWORD", "--connection-string", keys], env=environment, check=True)
        account.expected = account.count()
        return [self.program, "load", "bench"], environment

    def check(self, account, folder):
        """Every message has its entry and lies in the archive folder."""
        with contextlib.closing(sqlite3.connect(database(folder))) as connection:
            entries, = connection.execute("SELECT count(*) FROM entry WHERE state = 'new'").fetchone()
        expect("inqueue", "entries", entries, account.expected)
        expect("inqueue", "messages moved", account.count(ARCHIVE), account.expected)


def database(folder):
    return folder / "inqueue.db"


def raw_move(account, _folder):
    expected = account.count()
    command = [BUILD_DIR / "tests" / "bench_raw_move", account.host, account.port, account.user, ARCHIVE]
    if account.ca_file:
        command.append(account.ca_file)
    cost, words = load_meter.output(command, {"MAIL_PASSWORD": PASSWORD}, account)
    expect("bench_raw_move", "messages", int(words.split()[0]), expected)
    expect("bench_raw_move", "messages moved", account.count(ARCHIVE), expected)
    return cost


def mbsync(fsync):
    """Copies to a Maildir; the mail stays on the server."""
    def contender(account, folder):
        for name in ["mail", "state"]:
            (folder / name).mkdir()
        config = folder / "mbsyncrc"
        config.write_text(MBSYNC.format(
            host=account.host, port=account.port, user=account.user, password=PASSWORD, folder=folder,
            tls="IMAPS" if account.ca_file else "None", fsync="yes" if fsync else "no",
            certificate=f"CertificateFile {account.ca_file}\n" if account.ca_file else ""))
        cost = load_meter.run(["mbsync", "--config", config, "--quiet", "bench"], {}, account)
        expect_maildir("mbsync", account, folder / "mail" / "inbox")
        return cost
    return contender


def expect_maildir(name, account, maildir):
    expect(name, "messages", sum(1 for part in ["cur", "new"] for _ in (maildir / part).iterdir()), account.count())


def expect(name, what, found, expected):
    if found != expected:
        raise load_meter.Failed(f"{name}: {found} {what} instead of {expected}")


def problem(program):
    """What is missing, and the way out; None where nothing is."""
    for path in [program, BUILD_DIR / "tests" / "bench_raw_move"]:
        if not path.exists():
            return f"{path} is missing; build it with: cmake --preset release && cmake --build --preset release"
    missing = [package for command, package in PACKAGES.items() if not shutil.which(command)]
    if missing:
        return f"package {' and '.join(missing)} is missing; install it with: samples/packages bench"
    return None
