"""Who takes part in tests/bench/load: each brings all mail of an account into a folder, and fails when it is not all there.

A contender is a function of the account and of an empty folder of its own; it returns what it cost.
"""

import contextlib
import pathlib
import shutil
import sqlite3
import subprocess
import sys

import load_meter
from load_server import PASSWORD
from load_trips import Listener

BENCH_DIR = pathlib.Path(__file__).resolve().parent
BUILD_DIR = BENCH_DIR.parents[1] / "build" / "release"
ARCHIVE = "DROPBOX"
LARGEST = "maxSize=300MB"
# The commands of others, and the Debian packages that have them.
PACKAGES = {"mbsync": "isync", "fdm": "fdm", "getmail": "getmail6", "curl": "curl"}

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
FDM = """\
set default-user "{system_user}"
set lock-file "{folder}/lock"
set maximum-size 128M
account "bench" imap server "{host}" port {port} user "{user}" pass "{password}" keep
action "store" maildir "{folder}/mail"
match all action "store"
"""
GETMAIL = """\
[retriever]
type = SimpleIMAPRetriever
server = {host}
port = {port}
username = {user}
password = {password}
[destination]
type = Maildir
path = {folder}/mail/
user = {system_user}
[options]
verbose = 0
read_all = true
delete = false
"""


class Inqueue:
    """The program under test; each folder holds a database."""

    def __init__(self, program, rules=()):
        self.program, self.rules = program, rules

    def __call__(self, account, folder):
        return self._load(account, folder, load_meter.run)

    def memory(self, account, folder):
        """Peaks by role instead of costs."""
        return self._load(account, folder, load_meter.peak_memory)

    def again(self, account, folder):
        """The cost of one more load, with nothing new."""
        return load_meter.run([self.program, "load", "bench"], environment(folder), account)

    def files(self, account, folder):
        """An import of the files that the account's mail lies in. They are links to the corpus, so they stay with the
        account: what lies in `folder` is emptied."""
        expected = account.count()
        done = account.maildir / "done"
        done.mkdir()
        subprocess.run([self.program, "queue", "create", "bench", "--external-source", "File", "--connection-string",
                        LARGEST], env=environment(folder), check=True)
        cost = load_meter.run([self.program, "import", "bench", account.maildir, "--archive", done],
                              environment(folder), account)
        self._expect_entries(folder, expected)
        expect("inqueue", "files archived", sum(1 for _ in done.iterdir()), expected)
        return cost

    def start(self, account):
        """The cost of starting and ending the program."""
        return load_meter.run([self.program, "--help"], {}, account)

    def trips(self, account, folder):
        """What one more load, with nothing new, asks the server beyond the sign-in."""
        shutil.copy(database(folder), folder / "trips.db")
        with Listener(account.port, account.host) as listener:
            self._queue("alter", account, environment(folder, "trips.db"), listener.port)
            load_meter.run([self.program, "load", "bench"], environment(folder, "trips.db"), account)
            return listener.trips_beyond()

    def _load(self, account, folder, measure):
        expected = account.count()
        self._queue("create", account, environment(folder), account.port, "--user-name", account.user,
                    "--password-env", "MAIL_PASSWORD")
        for number, rule in enumerate(self.rules, 1):
            subprocess.run([self.program, "rules", "set", "bench", str(number), rule], env=environment(folder), check=True)
        result = measure([self.program, "load", "bench"], environment(folder), account)
        self._expect_entries(folder, expected)
        expect("inqueue", "messages moved", account.count(ARCHIVE), expected)
        return result

    @staticmethod
    def _expect_entries(folder, expected):
        with contextlib.closing(sqlite3.connect(database(folder))) as connection:
            entries, = connection.execute("SELECT count(*) FROM entry WHERE state = 'new'").fetchone()
        expect("inqueue", "entries", entries, expected)

    def _queue(self, action, account, variables, port, *options):
        keys = f"url={account.host};port={port};{LARGEST}"
        if account.ca_file:
            keys += f";ssl=True;caFile={account.ca_file}"
        command = [self.program, "queue", action, "bench", "--connection-string", keys, *options]
        # Older programs look at no server, and do not know the option.
        if subprocess.run([*command, "--no-check"], env=variables, stderr=subprocess.DEVNULL, check=False).returncode:
            subprocess.run(command, env=variables, check=True)


def database(folder, name="inqueue.db"):
    return folder / name


def environment(folder, name="inqueue.db"):
    return {"INQUEUE_DATABASE": str(database(folder, name)), "MAIL_PASSWORD": PASSWORD}


def curl_search(account, folder):
    """The cost of asking no more than which messages there are."""
    config = folder / "curl.config"
    config.write_text(f'user = "{account.user}:{PASSWORD}"\nurl = "imap://{account.host}:{account.port}/INBOX?ALL"\n')
    return load_meter.run(["curl", "--silent", "--show-error", "--config", config], {}, account)


def raw_move(*options):
    """Only reads the mail and moves it."""
    def contender(account, _folder):
        expected = account.count()
        command = [BUILD_DIR / "tests" / "bench_raw_move", *options, account.host, account.port, account.user, ARCHIVE]
        if account.ca_file:
            command.append(account.ca_file)
        cost, words = load_meter.output(command, {"MAIL_PASSWORD": PASSWORD}, account)
        expect("bench_raw_move", "messages", int(words.split()[0]), expected)
        expect("bench_raw_move", "messages moved", account.count(ARCHIVE), expected)
        return cost
    return contender


def mbsync(fsync):
    """Copies to a Maildir; the mail stays on the server."""
    def contender(account, folder):
        for name in ["mail", "state"]:
            (folder / name).mkdir()
        config = write_config(MBSYNC, account, folder, tls="IMAPS" if account.ca_file else "None",
                              fsync="yes" if fsync else "no",
                              certificate=f"CertificateFile {account.ca_file}\n" if account.ca_file else "")
        cost = load_meter.run(["mbsync", "--config", config, "--quiet", "bench"], {}, account)
        expect_maildir("mbsync", account, folder / "mail" / "inbox")
        return cost
    return contender


def fdm(account, folder):
    """Copies to a Maildir; the mail stays on the server."""
    config = write_config(FDM, account, folder, system_user=pathlib.Path.home().owner())
    cost = load_meter.run(["fdm", "-q", "-f", config, "fetch"], {}, account)
    expect_maildir("fdm", account, folder / "mail")
    return cost


def getmail(account, folder):
    """Copies to a Maildir; the mail stays on the server."""
    config = write_config(GETMAIL, account, folder, system_user=account.server.system_user.pw_name)
    for name in ["cur", "new", "tmp"]:
        (folder / "mail" / name).mkdir(parents=True)
    folder.chmod(0o711)  # it refuses to deliver as root, but does so as somebody else
    for path in (folder / "mail").rglob(""):
        account.server.give_away(path)
    # On one processor: getmail6 6.18 waits a minute in vain for a child that ends before it looks.
    command = ["taskset", "--cpu-list", "0", "getmail", "--getmaildir", folder, "--rcfile", config, "--quiet"]
    cost = load_meter.run(command, {}, account)
    expect_maildir("getmail", account, folder / "mail")
    return cost


def python_script(account, folder):
    """Does what inqueue does, as far as a short script can."""
    expected = account.count()
    path = folder / "peer.db"
    cost = load_meter.run([sys.executable, BENCH_DIR / "peer.py", account.host, account.port, account.user, ARCHIVE, path],
                          {"MAIL_PASSWORD": PASSWORD}, account)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        expect("peer.py", "entries", connection.execute("SELECT count(*) FROM entry").fetchone()[0], expected)
    expect("peer.py", "messages moved", account.count(ARCHIVE), expected)
    return cost


def write_config(text, account, folder, **more):
    path = folder / "config"
    path.write_text(text.format(host=account.host, port=account.port, user=account.user, password=PASSWORD,
                                folder=folder, **more))
    path.chmod(0o600)
    return path


def expect_maildir(name, account, maildir):
    found = sum(1 for part in ["cur", "new"] for _ in (maildir / part).iterdir())
    expect(name, "messages", found, account.count())


def expect(name, what, found, expected):
    if found != expected:
        raise load_meter.Failed(f"{name}: {found} {what} instead of {expected}")


def problem(programs, others):
    """What is missing, of others as well where these take part, and the way out; None where nothing is."""
    for path in [*programs, *([BUILD_DIR / "tests" / "bench_raw_move"] if others else [])]:
        if not path.exists():
            return (f"{path} is missing; "
                    "build it with: cmake --preset release -DBUILD_TESTING=ON && cmake --build --preset release")
    missing = [package for command, package in PACKAGES.items() if not shutil.which(command)]
    if others and missing:
        return f"package {' and '.join(missing)} is missing; install it with: samples/packages bench"
    return None
