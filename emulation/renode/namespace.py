"""Runs a command in a network of its own, where a TAP is the far end of an emulated node's Ethernet cable.
It must never touch the machine's network: whatever the node sends reaches the processes of the command and nobody else.
Specification: unshare(1), ip-tuntap(8); RFC 2131 and 2132 (as much of DHCP as gives one node one address).

    python -m emulation.renode.namespace COMMAND …
"""

import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

TAP = "vuzol0"
HOST, NODE, MASK = "10.77.0.1", "10.77.0.2", "255.255.255.0"
INSIDE = "--inside"
UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--")
STEPS = (
    "ip link set lo up",
    f"ip tuntap add {TAP} mode tap",
    f"ip addr add {HOST}/24 dev {TAP}",
    f"ip link set {TAP} up",
)

_FIXED = struct.Struct(">BBBBIHH4s4s4s4s16s64s128s4s")
_COOKIE = b"\x63\x82\x53\x63"
_DISCOVER, _OFFER, _REQUEST, _ACK = 1, 2, 3, 5
_TYPE, _SERVER, _LEASE, _MASK, _END = 53, 54, 51, 1, 255
_FOREVER = b"\xff" * 4


def dhcp_answer(asked: bytes) -> bytes | None:
    """The offer or the confirmation of the node's only address; None when it is no question for one."""
    if len(asked) < _FIXED.size:
        return None
    op, hardware, length, _, transaction, _, flags, *_, chaddr, _, _, cookie = _FIXED.unpack_from(asked)
    kind = _options(asked[_FIXED.size :]).get(_TYPE, b"")
    if op != 1 or cookie != _COOKIE or kind not in (bytes((_DISCOVER,)), bytes((_REQUEST,))):
        return None
    host, node, none = (socket.inet_aton(address) for address in (HOST, NODE, "0.0.0.0"))
    answer = _ACK if kind[0] == _REQUEST else _OFFER
    fixed = _FIXED.pack(
        2, hardware, length, 0, transaction, 0, flags, none, node, host, none, chaddr, b"", b"", _COOKIE
    )
    told = {_TYPE: bytes((answer,)), _SERVER: host, _LEASE: _FOREVER, _MASK: socket.inet_aton(MASK)}
    options = b"".join(bytes((code, len(value))) + value for code, value in told.items())
    return fixed + options + bytes((_END,))


def _options(data: bytes) -> dict[int, bytes]:
    found = {}
    at = 0
    while at + 1 < len(data) and data[at] != _END:
        if data[at] == 0:
            at += 1
            continue
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def _give_addresses() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, TAP.encode())
        server.bind(("", 67))
        while True:
            if answer := dhcp_answer(server.recv(2048)):
                server.sendto(answer, ("255.255.255.255", 68))


def main(arguments: Sequence[str] | None = None) -> int:
    command = list(sys.argv[1:] if arguments is None else arguments)
    if command[:1] == [INSIDE]:
        for step in STEPS:
            subprocess.run(step.split(), check=True)
        threading.Thread(target=_give_addresses, daemon=True).start()
        return subprocess.run(command[1:], check=False).returncode
    possible = all(shutil.which(program) for program in ("unshare", "ip")) and Path("/dev/net/tun").exists()
    if not possible or subprocess.run([*UNSHARE, "true"], check=False, capture_output=True).returncode:
        sys.stderr.write("renode: no network of its own can be made here, so the node's cable stays unplugged\n")
        return subprocess.run(command, check=False).returncode
    inside = [*UNSHARE, sys.executable, "-m", "emulation.renode.namespace", INSIDE, *command]
    return subprocess.run(inside, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
