"""A certificate authority and a server's certificate for one test, made by openssl in a folder of the test's own."""

import dataclasses
import pathlib
import ssl
import subprocess

# Nothing of the machine's openssl.cnf, which would make every certificate an authority.
CONFIG = """[req]
distinguished_name = subject
[subject]
"""


@dataclasses.dataclass(frozen=True)
class Certificates:
    folder: pathlib.Path
    ca: pathlib.Path
    cert: pathlib.Path
    key: pathlib.Path

    @staticmethod
    def make(folder: pathlib.Path, names=("localhost",), addresses=("127.0.0.1", "::1")) -> "Certificates":
        """A pair for these names, signed by an authority that nobody but the test trusts; valid for a day."""
        folder.mkdir(parents=True)
        made = Certificates(folder, folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
        (folder / "openssl.cnf").write_text(CONFIG, encoding="ascii")
        alternatives = ",".join([*(f"DNS:{name}" for name in names), *(f"IP:{address}" for address in addresses)])
        request = ["openssl", "req", "-x509", "-config", folder / "openssl.cnf", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
        for arguments in (
                ["-subj", "/CN=sluice tests", "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
                 "keyUsage=critical,keyCertSign", "-keyout", folder / "ca.key", "-out", made.ca],
                ["-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={alternatives}", "-addext",
                 "extendedKeyUsage=serverAuth", "-CA", made.ca, "-CAkey", folder / "ca.key", "-keyout", made.key,
                 "-out", made.cert]):
            subprocess.run([*request, *arguments], check=True, capture_output=True, timeout=30)
        return made

    def server_context(self, alpn=()) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca))
