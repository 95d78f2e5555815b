"""TLS for a link: whom the node believes, and the certificate that it shows.

Never skips the check of the other side's certificate, and never asks what time it is: a node without a clock believes
2000 or 2021, and what the town's authority issues is good from 2000 on. A node with a clock refuses an expired one.
Specification: RFC 5246; controller/admin/README.md, "Certificates".
"""

import ssl
from binascii import a2b_base64

_BEGIN = "-----BEGIN"


def wrap(sock, uplink):
    """The same socket, speaking TLS; the handshake is made by the first who reads or writes. `uplink`: the settings'.

    Raises ValueError and OSError, also later: the files are read anew for each connection, as somebody may renew them.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_mode = ssl.CERT_REQUIRED
    for authority in _ders("uplink.ca", uplink["ca"]):  # two of them while one takes the other's place
        context.load_verify_locations(cadata=authority)
    if uplink["cert"]:
        context.load_cert_chain(_ders("uplink.cert", uplink["cert"])[0], _ders("uplink.key", uplink["key"])[0])
    name = uplink["server_name"] or uplink["host"]
    wrapped = context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
    wrapped.setblocking(False)
    return wrapped


def _ders(row, pem):
    """What stands in PEM, or in the file of that path: MicroPython takes DER."""
    if pem and not pem.startswith(_BEGIN):
        with open(pem) as file:
            pem = file.read()
    try:
        found = [a2b_base64(part.split("-----")[-1].replace("\n", "")) for part in pem.split("-----END")[:-1]]
    except ValueError:
        found = []
    if not found:
        raise ValueError(row + " is no PEM")
    return found
