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
[extensions]
{extensions}
"""

AUTHORITY_EXTENSIONS = ("basicConstraints = critical, CA:TRUE", "keyUsage = critical, keyCertSign, cRLSign",
                        "subjectKeyIdentifier = hash")
KEYS = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa1024": ["rsa:1024"],
        "rsa2048": ["rsa:2048"]}

LONG_AGO = ("20200101000000Z", "20200201000000Z")
FOR_LONG = ("20240101000000Z", "20491231000000Z")


class Certificate(NamedTuple):
    """Paths of two PEM files."""
    certificate: pathlib.Path
    key: pathlib.Path


class Authority:
    """A private certificate authority in a folder of its own, made where it does not exist: below `issuer`, or below
    nobody. `extensions` are its certificate's."""

    def __init__(self, folder, name="Example Test Authority", issuer=None, extensions=AUTHORITY_EXTENSIONS, key="ec",
                 digest="sha256", validity=FOR_LONG):
        self.folder = pathlib.Path(folder)
        self.certificate = self.folder / "ca.pem"
        self._configuration = self.folder / "openssl.cnf"
        if not self.certificate.exists():
            self._create(name, issuer, extensions, key, digest, validity)

    def _create(self, name, issuer, extensions, key, digest, validity):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(CONFIGURATION.format(folder=self.folder, name=name,
                                                            extensions="\n".join(extensions)))
        (self.folder / "index").touch()
        request, own_key = self.folder / "ca.csr", self.folder / "ca.key"
        self._openssl("req", "-new", *new_key(own_key, key), "-out", request)
        signing = [] if issuer else ["-selfsign", "-keyfile", own_key]
        (issuer or self)._sign(request, self.certificate, signing, extensions, digest, validity)

    def issue(self, name="localhost", alternatives=("DNS:localhost", "IP:127.0.0.1", "IP:::1"),
              validity=FOR_LONG, extensions=(), key="ec", digest="sha256"):
        """A server's certificate for `alternatives`; `name` names its files too."""
        key_file, request = self.folder / f"{name}.key", self.folder / f"{name}.csr"
        certificate = self.folder / f"{name}.pem"
        if alternatives:
            extensions = ["subjectAltName = " + ",".join(alternatives), *extensions]
        self._openssl("req", "-new", *new_key(key_file, key), "-subj", f"/CN={name}", "-out", request)
        self._sign(request, certificate, [], extensions, digest, validity)
        return Certificate(certificate, key_file)

    def cross_sign(self, other, extensions=AUTHORITY_EXTENSIONS):
        """Another certificate for the key and the name of `other`, from this authority."""
        certificate = self.folder / f"cross-{other.folder.name}.pem"
        self._sign(other.folder / "ca.csr", certificate, [], extensions, "sha256", FOR_LONG)
        return certificate

    def _sign(self, request, certificate, signing, extensions, digest, validity):
        wanted = self.folder / "extensions"
        wanted.write_text("\n".join(["[extensions]", *extensions, ""]))
        self._openssl("ca", "-batch", "-notext", "-in", request, "-out", certificate, *signing, "-md", digest,
                      "-startdate", validity[0], "-enddate", validity[1],
                      *(["-extfile", wanted, "-extensions", "extensions"] if extensions else []))

    def revocations(self, *certificates, name="crl", validity=FOR_LONG):
        """A revocation list of these and all that were revoked before."""
        for certificate in certificates:
            self._openssl("ca", "-revoke", certificate)
        revocations = self.folder / f"{name}.pem"
        self._openssl("ca", "-gencrl", "-out", revocations,
                      "-crl_lastupdate", validity[0], "-crl_nextupdate", validity[1])
        return revocations

    def staple(self, issued):
        """The answer of this authority about the revocation of a certificate (OCSP)."""
        answer = issued.certificate.with_suffix(".ocsp")
        subprocess.run(["openssl", "ocsp", "-index", self.folder / "index", "-CA", self.certificate,
                        "-rsigner", self.certificate, "-rkey", self.folder / "ca.key", "-issuer", self.certificate,
                        "-cert", issued.certificate, "-respout", answer, "-ndays", "30", "-noverify"],
                       stdin=subprocess.DEVNULL, capture_output=True, check=True)
        return answer

    def _openssl(self, command, *arguments):
        result = subprocess.run(["openssl", command, "-config", self._configuration, *arguments],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(f"openssl {command}: {result.stderr}")


def new_key(path, key="ec"):
    """Options of `openssl req` for a new key without a passphrase."""
    return ["-newkey", *KEYS[key], "-nodes", "-keyout", path]
