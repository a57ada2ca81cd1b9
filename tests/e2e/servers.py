"""Private IMAP servers: loopback, free ports, a folder of their own, no privileges.

Started by root, a server runs as nobody; started by anybody else, as that user: either way its configuration is
the same. start() returns when the server greets; stop() leaves no process behind.
"""

import contextlib
import functools
import grp
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

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
        end = time.monotonic() + START_DEADLINE_S
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                with socket.create_connection((self.address, self.port), timeout=START_DEADLINE_S) as probe:
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


DOVECOT = "/usr/sbin/dovecot"

# Dovecot 2.4 reads no configuration of 2.3. What both read stands in DOVECOT_CONFIGURATION.
DOVECOT_2_3 = """\
mail_location = maildir:{folder}/mail/%u
rawlog_dir = {folder}/rawlog/%u
disable_plaintext_auth = no
{tls}
{token_database}
passdb {{
  driver = passwd-file
  args = {folder}/users/%u
}}
userdb {{
  driver = static
  args = home={folder}/home/%u
}}
"""

DOVECOT_2_4 = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
mail_driver = maildir
mail_path = {folder}/mail/%{{user}}
mail_inbox_path = {folder}/mail/%{{user}}
rawlog_dir = {folder}/rawlog/%{{user}}
auth_allow_cleartext = yes
{tls}
{token_database}
passdb passwd-file {{
  passwd_file_path = {folder}/users/%{{user}}
}}
userdb static {{
  fields {{
    home = {folder}/home/%{{user}}
  }}
}}
"""

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
mail_fsync = never
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
auth_username_chars =
auth_verbose = yes
namespace inbox {{
  inbox = yes
  prefix = {prefix}
  separator = {separator}
}}
service anvil {{
  chroot =
  # No growing pauses after wrong passwords.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
# A process serves one client after the other: a new one for each costs more than what most clients ask for.
service imap-login {{
  chroot =
  process_min_avail = 1
  {count} = {unlimited}
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service imap {{
  {count} = 1000
}}
{extra}
"""

TLS_2_3 = """\
ssl = yes
ssl_min_protocol = TLSv1.2
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
"""

TLS_2_4 = """\
ssl = yes
ssl_min_protocol = TLSv1.2
ssl_server_cert_file = {folder}/server.pem
ssl_server_key_file = {folder}/server.key
"""

TOKENS_2_3 = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
"""

INTROSPECTION_2_4 = """\
oauth2 {{
  introspection_mode = post
  introspection_url = {introspection}
  username_attribute = user
  active_attribute = active
  active_value = true
  force_introspection = yes
}}
passdb oauth2 {{
  mechanisms_filter = xoauth2 oauthbearer
}}
"""

TOKENS_2_4 = """\
oauth2 {{
  introspection_mode = local
  username_attribute = sub
  oauth2_local_validation {{
    dict fs {{
      fs posix {{
        prefix = {folder}/keys/
      }}
    }}
  }}
}}
passdb oauth2 {{
  mechanisms_filter = xoauth2 oauthbearer
}}
"""


@functools.cache
def dovecot_is_2_4():
    version = subprocess.run([DOVECOT, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(map(int, version.split()[0].partition("-")[0].split(".")))[:2] >= (2, 4)


def for_dovecot(before, since):
    """What a configuration says before Dovecot 2.4, or since then."""
    return since if dovecot_is_2_4() else before


class Dovecot(Server):
    """Dovecot 2.3 or 2.4 over Maildir.

    mechanisms  what it offers for signing in
    capability  replaces the capabilities it announces (it still understands the rest)
    prefix      of the personal namespace, e.g. "INBOX." with separator "."
    token_key   bytes; JSON web tokens signed with it (HS256) are taken by XOAUTH2 and OAUTHBEARER
    introspection  address of a server that is asked about tokens (RFC 7662): it answers with JSON of `active`, "true"
                and of `user`
    extra       lines of configuration, as this version reads them: for_dovecot()
    """

    def __init__(self, folder=None, users=None, certificate=None, address="127.0.0.1", *,
                 mechanisms="plain login scram-sha-1 scram-sha-256", capability=None, prefix="", separator="/",
                 token_key=None, introspection=None, extra=""):
        super().__init__(folder, users, certificate, address)
        self.mechanisms, self.prefix, self.separator = mechanisms, prefix, separator
        self.token_key, self.introspection = token_key, introspection
        self.extra = extra
        if capability:
            self.extra += f"imap_capability = {capability}\n"

    def change(self, **settings):
        """Goes on at the same ports, with other settings."""
        self.halt()
        for name, value in settings.items():
            setattr(self, name, value)
        self._configure()
        self._give_away()
        self.resume()

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
        if self.introspection:
            (self.folder / "oauth2.conf").write_text(
                f"introspection_mode = post\nintrospection_url = {self.introspection}\nusername_attribute = user\n"
                "active_attribute = active\nactive_value = true\nforce_introspection = yes\n")

    def _write_token_database(self):
        keys = self.folder / "keys" / "default" / "HS256"
        keys.mkdir(parents=True)
        (keys / "default").write_bytes(self.token_key)
        (self.folder / "oauth2.conf").write_text(
            "introspection_mode = local\nusername_attribute = sub\n"
            f"local_validation_key_dict = fs:posix:prefix={self.folder}/keys/\n")

    def _configure(self):
        text = for_dovecot(DOVECOT_2_3, DOVECOT_2_4) + DOVECOT_CONFIGURATION
        tls = for_dovecot(TLS_2_3, TLS_2_4) if self.certificate else "ssl = no"
        tokens = ""
        if self.token_key or self.introspection:
            tokens = for_dovecot(TOKENS_2_3, TOKENS_2_4 if self.token_key else INTROSPECTION_2_4)
        (self.folder / "dovecot.conf").write_text(text.format(
            address=self.address, folder=self.folder, user=self.system_user.pw_name, group=self.system_group,
            mechanisms=self.mechanisms, tls=tls.format(folder=self.folder), prefix=self.prefix,
            separator=self.separator, token_database=tokens.format(
                folder=self.folder, introspection=self.introspection), port=self.port,
            tls_port=self.tls_port if self.certificate else 0, extra=self.extra,
            count=for_dovecot("service_count", "restart_request_count"), unlimited=for_dovecot("0", "unlimited")))

    def _command(self):
        return [DOVECOT, "-F", "-c", self.folder / "dovecot.conf"], None
