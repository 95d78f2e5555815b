"""The authority's certificates, judged by OpenSSL: who is trusted, until when, and who is not any more.

Specification: controller/admin/README.md, "Certificates".
"""

import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from controller.admin.ca import Authority, CaError, passphrase_of

NOW_S = 1_792_400_000.0
PASSPHRASE = b"a passphrase of the test"
NODE = "00000000000000a1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    one = Authority(tmp_path / "ca", PASSPHRASE)
    one.init("town", 3650, NOW_S)
    one.issue(NODE, "node", [], 730, NOW_S)
    one.issue("broker", "server", ["broker.town", "10.0.0.5"], 730, NOW_S)
    return one


def verify(folder: Path, name: str, *more: str, at_s: float = NOW_S) -> str:
    """OpenSSL's verdict."""
    command = ["openssl", "verify", "-x509_strict", "-CAfile", str(folder / "authority.pem"), "-attime", str(int(at_s))]
    done = subprocess.run([*command, *more, str(folder / f"{name}.crt")], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def crl_of(folder: Path) -> tuple[str, ...]:
    return "-crl_check", "-CRLfile", str(folder / "crl.pem")


def test_what_it_issues_is_good_for_its_purpose_and_in_its_time_alone(authority: Authority, tmp_path: Path) -> None:
    folder = tmp_path / "ca"
    assert verify(folder, NODE, "-purpose", "sslclient", *crl_of(folder)).endswith("OK\n")
    assert verify(folder, "broker", "-purpose", "sslserver", "-verify_hostname", "broker.town").endswith("OK\n")
    assert verify(folder, "broker", "-verify_ip", "10.0.0.5").endswith("OK\n")
    assert "unsuitable certificate purpose" in verify(folder, NODE, "-purpose", "sslserver").lower()
    assert "hostname mismatch" in verify(folder, "broker", "-verify_hostname", "other.town").lower()
    assert "expired" in verify(folder, NODE, at_s=NOW_S + 731 * 86_400)
    # a node without a clock believes that it is 2000 or 2021
    assert verify(folder, "broker", at_s=946_684_800 + 60).endswith("OK\n")
    subject = x509.load_pem_x509_certificate((folder / f"{NODE}.crt").read_bytes()).subject
    assert subject.rfc4514_string() == f"CN={NODE}"
    assert authority.newest(NODE).expires_s == NOW_S + 730 * 86_400


def test_a_revoked_one_is_in_the_list_and_a_new_one_of_the_same_name_is_good(
    authority: Authority, tmp_path: Path
) -> None:
    folder = tmp_path / "ca"
    old = (folder / f"{NODE}.crt").read_bytes()
    authority.revoke(NODE, NOW_S)
    authority.issue(NODE, "node", [], 730, NOW_S)
    assert verify(folder, NODE, *crl_of(folder)).endswith("OK\n")
    (folder / "old.crt").write_bytes(old)
    assert "revoked" in verify(folder, "old", *crl_of(folder))
    with pytest.raises(CaError, match="nothing to revoke"):
        authority.revoke("nobody", NOW_S)


def test_while_it_is_replaced_both_authorities_are_trusted_and_then_the_new_one_alone(
    authority: Authority, tmp_path: Path
) -> None:
    folder = tmp_path / "ca"
    authority.renew("town", 3650, NOW_S)
    authority.renew("broker", 730, NOW_S)
    authority.revoke(NODE, NOW_S)
    assert verify(folder, "broker", *crl_of(folder)).endswith("OK\n")
    assert "revoked" in verify(folder, NODE, *crl_of(folder))  # signed by the old one, and on its list
    authority.revoke("town", NOW_S)
    assert verify(folder, "broker").endswith("OK\n")
    assert "unable to get local issuer certificate" in verify(folder, NODE)
    with pytest.raises(CaError, match="nothing to revoke"):
        authority.revoke("town", NOW_S)  # the one that signs stays


def test_its_key_is_encrypted_and_nobody_else_may_read_any(authority: Authority, tmp_path: Path) -> None:
    keys = sorted((tmp_path / "ca").glob("*.key"))
    assert len(keys) == 3
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}
    own = (tmp_path / "ca" / f"authority-{authority.newest('town').serial[:8]}.key").read_bytes()
    assert b"ENCRYPTED" in own
    with pytest.raises(TypeError):
        serialization.load_pem_private_key(own, None)
    with pytest.raises(CaError, match="correct --passphrase-file"):
        Authority(tmp_path / "ca", b"another").issue("page", "server", ["a"], 1, NOW_S)


@pytest.mark.parametrize(
    ("name", "role", "told"),
    [
        ("cellar", "node", "16 hexadecimal digits"),
        (NODE.replace("a1", "a2"), "relay", "16 hexadecimal digits"),
        ("controller", "relay", "the controller alone"),
        ("../x", "relay", "cannot be a name"),
        ("page", "server", "give --host"),
        (NODE, "node", "has a certificate already"),
    ],
)
def test_who_cannot_be_what_he_says_is_told_so(authority: Authority, name: str, role: str, told: str) -> None:
    with pytest.raises(CaError, match=told):
        authority.issue(name, role, [], 1, NOW_S)  # type: ignore[arg-type]  # as typed by a person


def test_a_passphrase_that_others_may_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    assert len(passphrase_of(file, make=True)) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert passphrase_of(file) == passphrase_of(file, make=True)
    file.chmod(0o640)
    with pytest.raises(CaError, match="chmod 600"):
        passphrase_of(file)
