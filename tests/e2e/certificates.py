"""Certificates for test servers, made with the openssl command.

An authority is a folder that holds its own certificate and key. Certificates are issued with `openssl ca`
because it alone lets the days of validity lie in the past.
"""

import pathlib
import subprocess
from typing import NamedTuple

CONFIGURATION = """\
[ca]
default_ca = authority
[authority]
dir = {folder}
database = $dir/index
new_certs_dir = $dir
certificate = $dir/ca.pem
private_key = $dir/ca.key
rand_serial = yes
default_md = sha256
unique_subject = no
copy_extensions = copy
policy = any
[any]
commonName = supplied
[req]
prompt = no
distinguished_name = name
[name]
commonName = {name}
[authority_extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

LONG_AGO = ("20200101000000Z", "20200201000000Z")
FOR_LONG = ("20240101000000Z", "20491231000000Z")


class Certificate(NamedTuple):
    """Paths of two PEM files."""
    certificate: pathlib.Path
    key: pathlib.Path


class Authority:
    """A private certificate authority in a folder of its own, made where it does not exist."""

    def __init__(self, folder, name="Example Test Authority"):
        self.folder = pathlib.Path(folder)
        self.certificate = self.folder / "ca.pem"
        self._configuration = self.folder / "openssl.cnf"
        if not self.certificate.exists():
            self._create(name)

    def _create(self, name):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(CONFIGURATION.format(folder=self.folder, name=name))
        (self.folder / "index").touch()
        self._openssl("req", "-x509", *new_key(self.folder / "ca.key"), "-days", "3650",
                      "-extensions", "authority_extensions", "-out", self.certificate)

    def issue(self, name="localhost", alternatives=("DNS:localhost", "IP:127.0.0.1", "IP:::1"),
              validity=FOR_LONG):
        """A server's certificate for `alternatives`; `name` names its files too."""
        key, request = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        certificate = self.folder / f"{name}.pem"
        self._openssl("req", "-new", *new_key(key), "-subj", f"/CN={name}", "-out", request,
                      "-addext", "subjectAltName=" + ",".join(alternatives))
        self._openssl("ca", "-batch", "-notext", "-in", request, "-out", certificate,
                      "-startdate", validity[0], "-enddate", validity[1])
        return Certificate(certificate, key)

    def _openssl(self, command, *arguments):
        result = subprocess.run(["openssl", command, "-config", self._configuration, *arguments],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(f"openssl {command}: {result.stderr}")


def new_key(path):
    """Options of `openssl req` for a new key without a passphrase."""
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]
