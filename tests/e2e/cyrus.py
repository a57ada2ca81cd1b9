"""Cyrus IMAP, a second server: other rules for names and rights, other answers.

Debian installs one IMAP server only, so Cyrus's packages are not installed but unpacked into the server's folder;
`samples/packages test` has put them into build/cyrus.
"""

import imaplib
import os
import pathlib
import shutil
import subprocess

from mailboxes import quoted
from servers import Server

ADMINISTRATOR = {"cyrus": "administrator's word"}

IMAPD_CONFIGURATION = """\
configdirectory: {folder}/state
imapidlepoll: 1
partition-default: {folder}/mail
cyrus_user: {user}
cyrus_group: {group}
admins: cyrus
servername: localhost
allowplaintext: yes
altnamespace: {alternative}
unixhierarchysep: {alternative}
virtdomains: off
implicit_owner_rights: la
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb
sasl_mech_list: PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256
duplicate_db_path: {folder}/state/deliver.db
"""

MASTER_CONFIGURATION = """\
START {{
}}
SERVICES {{
  imap cmd="{programs}/imapd -C {folder}/imapd.conf" listen="{address}:{port}" prefork=1
{tls_service}
}}
EVENTS {{
}}
"""


class Cyrus(Server):
    """Cyrus 3.6 with one namespace: "INBOX." and dots, or, as `alternative`, no prefix and slashes."""

    def __init__(self, folder=None, users=None, certificate=None, address="127.0.0.1", *, alternative=False):
        super().__init__(folder, users or {"robot": "correct horse"}, certificate, address)
        self.alternative = alternative
        self._root = self.folder / "root"

    def start(self):
        super().start()
        try:
            self._create_mailboxes()
        except Exception:
            self.stop()
            raise
        return self

    def set_rights(self, folder, user, rights):
        """As the administrator, who sees `folder` as e.g. "user.robot.DROPBOX"."""
        with self._administrator() as imap:
            expect_ok(imap.setacl(quoted(folder), user, rights))

    def _prepare(self):
        self._unpack()
        for name in ["state", "mail"]:
            (self.folder / name).mkdir()
        if self.certificate:
            shutil.copy(self.certificate.certificate, self.folder / "server.pem")
            shutil.copy(self.certificate.key, self.folder / "server.key")
        self._give_away()
        for user, password in {**self.users, **ADMINISTRATOR}.items():
            self._set_password(user, password)

    def _unpack(self):
        packages = sorted(packages_folder().glob("*.deb"))
        if not packages:
            raise RuntimeError(f"no packages of Cyrus in {packages_folder()}: run samples/packages test")
        for package in packages:
            subprocess.run(["dpkg-deb", "-x", package, self._root], check=True)

    def _set_password(self, user, password):
        command = [self._root / "usr/sbin/saslpasswd2", "-p", "-c", "-u", "localhost",
                   "-f", self.folder / "sasldb", user]
        subprocess.run(command, input=password, text=True, check=True, **self._identity())

    def _configure(self):
        text = IMAPD_CONFIGURATION.format(folder=self.folder, user=self.system_user.pw_name,
                                          group=self.system_group, alternative="yes" if self.alternative else "no")
        tls_service = ""
        if self.certificate:
            text += (f"tls_server_cert: {self.folder}/server.pem\ntls_server_key: {self.folder}/server.key\n"
                     "tls_versions: tls1_2 tls1_3\n")
            tls_service = (f'  imaps cmd="{self._programs()}/imapd -s -C {self.folder}/imapd.conf"'
                           f' listen="{self.address}:{self.tls_port}" prefork=0')
        (self.folder / "imapd.conf").write_text(text)
        (self.folder / "cyrus.conf").write_text(MASTER_CONFIGURATION.format(
            programs=self._programs(), folder=self.folder, address=self.address, port=self.port,
            tls_service=tls_service))

    def _programs(self):
        return self._root / "usr/lib/cyrus/bin"

    def _command(self):
        command = [self._programs() / "master", "-C", self.folder / "imapd.conf", "-M", self.folder / "cyrus.conf",
                   "-p", self.folder / "master.pid"]
        libraries = next((self._root / "usr/lib").glob("*/libcyrus.so.0")).parent
        return command, {**os.environ, "LD_LIBRARY_PATH": str(libraries)}

    def _create_mailboxes(self):
        separator = "/" if self.alternative else "."
        with self._administrator() as imap:
            for user in self.users:
                expect_ok(imap.create(quoted(f"user{separator}{user}")))

    def _administrator(self):
        imap = imaplib.IMAP4(self.address, self.port, timeout=30)
        (user, password), = ADMINISTRATOR.items()
        imap.login(user, password)
        return imap


def packages_folder():
    return pathlib.Path(__file__).parents[2] / "build" / "cyrus"


def expect_ok(answer):
    if answer[0] != "OK":
        raise RuntimeError(f"Cyrus says {answer}")
