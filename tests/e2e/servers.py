"""Private IMAP servers: loopback, free ports, a folder of their own, no privileges.

Started by root, a server runs as nobody; started by anybody else, as that user: either way its configuration is
the same. start() returns when the server greets; stop() leaves no process behind.
"""

import contextlib
import grp
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile

import processes
from mailboxes import INSPECTOR, Mailbox

START_DEADLINE_S = 20
DEFAULT_USERS = {"robot@example.com": "correct horse"}


def free_port(address="127.0.0.1"):
    with socket.create_server((address, 0), family=family_of(address)) as probe:
        return probe.getsockname()[1]


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Server:
    """What Dovecot and Cyrus have in common; a subclass writes the configuration and names the command.

    Ports: `port` speaks plainly at first and offers STARTTLS where there is a certificate; `tls_port` speaks TLS
    from the first byte. A server ends with the process that started it unless `outlives_us` is set.
    """

    def __init__(self, folder=None, users=None, certificate=None, address="127.0.0.1"):
        self.outlives_us = False
        self._temporary = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="inqueue-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.users = dict(DEFAULT_USERS if users is None else users)
        self.certificate = certificate
        self.address = address
        self.port = self.tls_port = None
        self.process = None
        root = os.getuid() == 0
        self.system_user = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.getuid())
        self.system_group = grp.getgrgid(self.system_user.pw_gid).gr_name

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Another process may take a port that was free a moment ago: then other ports are tried."""
        self._prepare()
        for _ in range(5):
            self.port, self.tls_port = free_port(self.address), free_port(self.address)
            self._configure()
            self._give_away()
            self._spawn()
            if self._await_greeting():
                return self
            log = self.log()
            self._end()
            if "in use" not in log:
                break
        self.stop()
        raise RuntimeError(f"{type(self).__name__} does not start:\n{log}")

    def halt(self):
        """As a machine that goes down: without a word, but what is stored stays; resume() goes on at the same ports."""
        self._end()

    def resume(self):
        self._spawn()
        if not self._await_greeting():
            raise RuntimeError(f"{type(self).__name__} does not start again:\n{self.log()}")

    def stop(self):
        self._end()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def mailbox(self, user=None):
        """A look at a user's folders that does not go through the program under test."""
        user = user or next(iter(self.users))
        return Mailbox(self.address, self.port, user, self.users[user])

    def log(self):
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def give_away(self, path):
        """Makes a file the server's own."""
        if os.getuid() == 0:
            os.chown(path, self.system_user.pw_uid, self.system_user.pw_gid, follow_symlinks=False)

    def _identity(self):
        if os.getuid() != 0:
            return {}
        return {"user": self.system_user.pw_uid, "group": self.system_user.pw_gid, "extra_groups": []}

    def _prepare(self):
        """Once, before the first configuration."""

    def _configure(self):
        raise NotImplementedError

    def _command(self):
        """The command line and the environment of the server in the foreground."""
        raise NotImplementedError

    def _give_away(self):
        for parent, folders, files in os.walk(self.folder):
            for name in [".", *folders, *files]:
                self.give_away(os.path.join(parent, name))

    def _spawn(self):
        command, environment = self._command()
        if not self.outlives_us:
            command = ["setpriv", "--pdeathsig", "TERM", "--", *command]
        with open(self.folder / "log", "ab") as log:
            self.give_away(self.folder / "log")
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder, env=environment, start_new_session=True,
                                            **self._identity())

    def _await_greeting(self):
        for _ in range(START_DEADLINE_S * 50):
            with contextlib.suppress(OSError):
                with socket.create_connection((self.address, self.port), timeout=5) as probe:
                    if probe.recv(4) == b"* OK":
                        return True
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
                return False
        return False

    def _end(self):
        if self.process is not None:
            processes.kill_session(self.process.pid)
            self.process.wait()
            self.process = None


DOVECOT_CONFIGURATION = """\
protocols = imap
listen = {address}
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
log_timestamp = "%H:%M:%S.%{{usecs}} "
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
rawlog_dir = {folder}/rawlog/%u
auth_mechanisms = {mechanisms}
disable_plaintext_auth = no
auth_failure_delay = 0
auth_username_chars =
auth_verbose = yes
{tls}
namespace inbox {{
  inbox = yes
  prefix = {prefix}
  separator = {separator}
}}
{token_database}
passdb {{
  driver = passwd-file
  args = {folder}/users/%u
}}
userdb {{
  driver = static
  args = home={folder}/home/%u
}}
service anvil {{
  chroot =
  # No growing pauses after wrong passwords.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
{extra}
"""

DOVECOT_TOKENS = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
"""


class Dovecot(Server):
    """Dovecot 2.3 over Maildir.

    mechanisms  what it offers for signing in
    capability  replaces the capabilities it announces (it still understands the rest)
    prefix      of the personal namespace, e.g. "INBOX." with separator "."
    token_key   bytes; JSON web tokens signed with it (HS256) are taken by XOAUTH2
    extra       lines of configuration
    """

    def __init__(self, folder=None, users=None, certificate=None, address="127.0.0.1", *,
                 mechanisms="plain login scram-sha-1 scram-sha-256", capability=None, prefix="", separator="/",
                 token_key=None, extra=""):
        super().__init__(folder, users, certificate, address)
        self.mechanisms, self.prefix, self.separator = mechanisms, prefix, separator
        self.token_key = token_key
        self.extra = extra
        if capability:
            self.extra += f"imap_capability = {capability}\n"

    def add_user(self, user, password):
        """Takes effect at once, on a running server too. `password` may name a scheme, as in {CRYPT}…"""
        self.set_password(user, password)
        (self.folder / "rawlog" / user).mkdir(exist_ok=True)
        self.give_away(self.folder / "rawlog" / user)

    def set_password(self, user, password):
        self.users[user] = password
        if not password.startswith("{"):
            password = "{PLAIN}" + password
        # A file per user: Dovecot looks for changes of a file only once a second.
        path = self.folder / "users" / user
        path.write_text(f"{user}:{password}::::::\n")
        self.give_away(path)

    def said(self, user):
        """The commands that this user's clients sent after signing in; not those of mailbox()."""
        files = sorted((self.folder / "rawlog" / user).glob("*.in"))
        sessions = [path.read_text(errors="replace") for path in files]
        return "".join(session for session in sessions if INSPECTOR not in session)

    def _prepare(self):
        for name in ["rawlog", "users"]:
            (self.folder / name).mkdir()
        for user, password in self.users.items():
            self.add_user(user, password)
        if self.certificate:
            shutil.copy(self.certificate.certificate, self.folder / "server.pem")
            shutil.copy(self.certificate.key, self.folder / "server.key")
        if self.token_key:
            self._write_token_database()

    def _write_token_database(self):
        keys = self.folder / "keys" / "default" / "HS256"
        keys.mkdir(parents=True)
        (keys / "default").write_bytes(self.token_key)
        (self.folder / "oauth2.conf").write_text(
            "introspection_mode = local\nusername_attribute = sub\n"
            f"local_validation_key_dict = fs:posix:prefix={self.folder}/keys/\n")

    def _configure(self):
        tls = "ssl = no"
        if self.certificate:
            tls = (f"ssl = yes\nssl_min_protocol = TLSv1.2\nssl_cert = <{self.folder}/server.pem\n"
                   f"ssl_key = <{self.folder}/server.key")
        tokens = DOVECOT_TOKENS.format(folder=self.folder) if self.token_key else ""
        (self.folder / "dovecot.conf").write_text(DOVECOT_CONFIGURATION.format(
            address=self.address, folder=self.folder, user=self.system_user.pw_name, group=self.system_group,
            mechanisms=self.mechanisms, tls=tls, prefix=self.prefix, separator=self.separator,
            token_database=tokens, port=self.port, tls_port=self.tls_port if self.certificate else 0,
            extra=self.extra))

    def _command(self):
        return ["/usr/sbin/dovecot", "-F", "-c", self.folder / "dovecot.conf"], None
