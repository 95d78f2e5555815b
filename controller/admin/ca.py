"""The town's own certificate authority: a folder with its key, what it issued, and what it took back.

Never opens a connection, and never writes a private key that others could read or its own key unencrypted.
Specification: RFC 5280; README.md here, "Certificates".
"""

import ipaddress
import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from controller.secret_files import SecretFault, read_secret, write_secret

Role = Literal["authority", "node", "relay", "server", "controller"]

TRUSTED, REVOKED, ISSUED = "authority.pem", "crl.pem", "issued.json"
SERIAL_URI = "urn:vuzol:certificate:"  # nats-server knows no list of revoked certificates, but names of them
# A node without a clock believes that it is 2000 or 2021: a certificate is never younger than that.
NOT_BEFORE = datetime(2000, 1, 1, tzinfo=UTC)
CRL_DAYS = 3650  # it is replaced at each revocation, not by the calendar
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NODE = re.compile(r"[0-9a-f]{16}")


class CaError(Exception):
    """It cannot be issued, revoked or read; the text is one sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate, as issued.json keeps it. Times are Unix seconds; `revoked_s` is 0 while it is good."""

    serial: str
    name: str
    role: Role
    authority: str  # serial of who signed it
    hosts: tuple[str, ...]
    issued_s: int
    expires_s: int
    revoked_s: int = 0


class Authority:
    """The folder. What changes something needs the passphrase of its keys. Everything raises CaError."""

    def __init__(self, folder: Path, passphrase: bytes = b"") -> None:
        self._folder = folder
        self._passphrase = passphrase
        self.issued = self._load()

    # --- what is asked of it

    def init(self, name: str, days: int, now_s: float) -> Issued:
        """The first key of a new authority."""
        if self.issued:
            raise CaError(f"{self._folder} holds an authority already: give another --folder, or use vuzol ca renew.")
        return self._new_authority(name, days, now_s)

    def issue(self, name: str, role: Role, hosts: Sequence[str], days: int, now_s: float) -> tuple[Issued, Path, Path]:
        """A key and a certificate for somebody; the files of both."""
        if self.good(name):
            raise CaError(f"{name} has a certificate already: use vuzol ca renew or vuzol ca revoke.")
        if (role == "node") != bool(_NODE.fullmatch(name)):
            raise CaError(f"{name!r} cannot be a {role}: a node is named by its 16 hexadecimal digits, others are not.")
        if (role == "controller") != (name == "controller"):
            raise CaError(f"{name!r} cannot be a {role}: the controller alone is named controller.")
        if role == "server" and not hosts:
            raise CaError("A server needs the names or addresses that it is reached by: give --host.")
        return self._issue(name, role, tuple(hosts), days, now_s)

    def renew(self, name: str, days: int, now_s: float) -> tuple[Issued, Path, Path]:
        """A new key and certificate for one that has one, which stays good until it expires or is revoked.

        For an authority: a second one that is trusted beside the old one, and signs from now on.
        """
        newest = self.newest(name)
        if newest.role == "authority":
            made = self._new_authority(newest.name, days, now_s)
            return made, self._folder / TRUSTED, self._key_file(made)
        return self._issue(name, newest.role, newest.hosts, days, now_s)

    def revoke(self, name: str, now_s: float) -> list[Issued]:
        """Take back everything that this name or this serial number has.

        An authority's newest stays: of its name, the older ones are not trusted any more.
        """
        found = [one for one in self.issued if name in (one.name, one.serial) and not one.revoked_s]
        if found and found[0].role == "authority":
            found = [one for one in found if one != self._signer()]
        if not found:
            raise CaError(f"{name} has nothing to revoke: vuzol ca list shows names and serial numbers.")
        self.issued = [replace(one, revoked_s=int(now_s)) if one in found else one for one in self.issued]
        self._save(now_s)
        return found

    def good(self, name: str) -> list[Issued]:
        """What a name has that is not revoked, the newest last."""
        return [one for one in self.issued if one.name == name and not one.revoked_s]

    def newest(self, name: str) -> Issued:
        """The last certificate of a name that is good."""
        if good := self.good(name):
            return good[-1]
        raise CaError(f"{name} has no certificate here: vuzol ca list shows who has one.")

    # --- how it is done

    def _signer(self) -> Issued:
        authorities = [one for one in self.issued if one.role == "authority" and not one.revoked_s]
        if not authorities:
            raise CaError(f"{self._folder} holds no authority: type vuzol ca init --folder {self._folder}.")
        return authorities[-1]

    def _key_file(self, one: Issued) -> Path:
        name = f"authority-{one.serial[:8]}" if one.role == "authority" else one.name
        return self._folder / f"{name}.key"

    def _new_authority(self, name: str, days: int, now_s: float) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        serial = x509.random_serial_number()
        text = format(serial, "x")
        made = Issued(text, name, "authority", text, (), int(now_s), _expiry(now_s, days))
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} {text[:8]}")])
        builder = _builder(made, subject, subject, key.public_key(), key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        certificate = builder.add_extension(_usage(signs=True), critical=True).sign(key, hashes.SHA256())
        _write_key(self._key_file(made), key, self._passphrase)
        _write_public(self._authority_file(made), certificate.public_bytes(serialization.Encoding.PEM))
        self.issued.append(made)
        self._save(now_s)
        return made

    def _authority_file(self, one: Issued) -> Path:
        return self._key_file(one).with_suffix(".crt")

    def _issue(
        self, name: str, role: Role, hosts: tuple[str, ...], days: int, now_s: float
    ) -> tuple[Issued, Path, Path]:
        if not _NAME.fullmatch(name) or name.startswith("authority"):
            raise CaError(f"{name!r} cannot be a name: use a-z, 0-9, -, . and _.")
        signer = self._signer()
        signing_key, authority = self._signing(signer)
        key = ec.generate_private_key(ec.SECP256R1())
        serial = format(x509.random_serial_number(), "x")
        expires_s = min(_expiry(now_s, days), signer.expires_s)
        made = Issued(serial, name, role, signer.serial, hosts, int(now_s), expires_s)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        use = ExtendedKeyUsageOID.SERVER_AUTH if role == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
        names = [_host(one) for one in hosts] or [x509.UniformResourceIdentifier(SERIAL_URI + serial)]
        builder = _builder(made, subject, authority.subject, key.public_key(), signing_key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(signing_key, hashes.SHA256())
        key_file = self._key_file(made)
        _write_key(key_file, key, b"")
        _write_public(key_file.with_suffix(".crt"), certificate.public_bytes(serialization.Encoding.PEM))
        self.issued.append(made)
        self._save(now_s)
        return made, key_file.with_suffix(".crt"), key_file

    def _signing(self, one: Issued) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        file = self._key_file(one)
        with _readable():
            key = serialization.load_pem_private_key(file.read_bytes(), self._passphrase)
            assert isinstance(key, ec.EllipticCurvePrivateKey)
            return key, x509.load_pem_x509_certificate(self._authority_file(one).read_bytes())

    def _load(self) -> list[Issued]:
        try:
            rows = json.loads((self._folder / ISSUED).read_text(encoding="utf-8"))
            return [Issued(**row | {"hosts": tuple(row["hosts"])}) for row in rows]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError):
            raise CaError(f"{self._folder / ISSUED} cannot be read: put back the copy of your backup.") from None

    def _save(self, now_s: float) -> None:
        """The list of what was issued, whom to trust, and what was revoked by each authority that is trusted."""
        rows = json.dumps([asdict(one) for one in self.issued], indent=1)
        _write_public(self._folder / ISSUED, rows.encode())
        trusted = [one for one in self.issued if one.role == "authority" and not one.revoked_s]
        _write_public(self._folder / TRUSTED, b"".join(self._authority_file(one).read_bytes() for one in trusted[::-1]))
        _write_public(self._folder / REVOKED, b"".join(self._revoked_by(one, now_s) for one in trusted))

    def _revoked_by(self, authority: Issued, now_s: float) -> bytes:
        key, certificate = self._signing(authority)
        builder = x509.CertificateRevocationListBuilder(
            certificate.subject, _time(now_s - 60), _time(_expiry(now_s, CRL_DAYS))
        )
        for one in self.issued:
            if one.revoked_s and one.authority == authority.serial:
                revoked = x509.RevokedCertificateBuilder(int(one.serial, 16), _time(one.revoked_s))
                builder = builder.add_revoked_certificate(revoked.build())
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def passphrase_of(file: Path, *, make: bool = False) -> bytes:
    """The first line of a file that its owner alone may read; `make`: a new one where there is none."""
    try:
        if make and not file.exists():
            write_secret(file, os.urandom(32).hex() + "\n")
        return read_secret(file, "--passphrase-file").encode()
    except (SecretFault, OSError) as error:
        raise CaError(str(error)) from None


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, TypeError) as error:
        raise CaError(
            f"The authority's key does not open ({error}): correct --passphrase-file, or put back your backup's copy."
        ) from None


def _expiry(now_s: float, days: int) -> int:
    return int(now_s) + days * 86_400


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(not signs, False, False, False, False, signs, signs, False, False)


def _builder(
    made: Issued,
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(int(made.serial, 16))
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(_time(made.expires_s))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey, passphrase: bytes) -> None:
    hiding: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        hiding = serialization.BestAvailableEncryption(passphrase)
    file.parent.mkdir(parents=True, exist_ok=True)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hiding)
    write_secret(file, pem.decode())


def _write_public(file: Path, data: bytes) -> None:
    part = file.with_name(file.name + ".part")
    part.write_bytes(data)
    part.replace(file)
