"""What passes on a TCP connection, written down for tshark: a proxy in between, and a capture file of what it saw.

It must never change a byte. The segments' headers are ours, their payload and order are what was carried.
Spec: the libpcap file format; RFC 791 and 9293; `tshark` decides what is malformed.
"""

import contextlib
import shutil
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

LINKTYPE_RAW = 101
CLIENT, SERVER = 0, 1
ADDRESSES = (bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
CLIENT_PORT = 40_000
FIN, SYN, PUSH, ACK = 1, 2, 8, 16


class Tap:
    """A proxy to a local port that keeps what it carries, for one connection after the other."""

    def __init__(self, server_port: int):
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections: list[list[tuple[float, int, bytes]]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                seen: list[tuple[float, int, bytes]] = []
                self.connections.append(seen)
                for side, source, sink in ((CLIENT, client, server), (SERVER, server, client)):
                    threading.Thread(target=self._carry, args=(side, source, sink, seen), daemon=True).start()

    def _carry(
        self, side: int, source: socket.socket, sink: socket.socket, seen: list[tuple[float, int, bytes]]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                seen.append((time.time(), side, data))
                sink.sendall(data)
        sink.close()

    def write(self, path: Path, port: int) -> None:
        """A capture file in which the server listens on the protocol's own port."""
        with path.open("wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, LINKTYPE_RAW))
            for number, seen in enumerate(self.connections):
                for at_s, packet in _packets(seen, (CLIENT_PORT + number, port)):
                    file.write(struct.pack("<IIII", int(at_s), int(at_s % 1 * 1e6), len(packet), len(packet)))
                    file.write(packet)


def _packets(seen: list[tuple[float, int, bytes]], ports: tuple[int, int]) -> list[tuple[float, bytes]]:
    next_byte = [1, 1]
    begun_s = seen[0][0] if seen else 0.0

    def packet(side: int, flags: int, data: bytes = b"") -> bytes:
        mine, theirs = next_byte[side], next_byte[1 - side]
        if flags & SYN:
            mine, theirs = 0, 0 if side == CLIENT else 1
        tcp = struct.pack(">HHIIBBHHH", ports[side], ports[1 - side], mine, theirs, 5 << 4, flags, 65_535, 0, 0) + data
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, socket.IPPROTO_TCP, 0)
        next_byte[side] += len(data)
        return ip + ADDRESSES[side] + ADDRESSES[1 - side] + tcp

    shaken = [packet(CLIENT, SYN), packet(SERVER, SYN | ACK), packet(CLIENT, ACK)]
    return [(begun_s, one) for one in shaken] + [
        (at_s, packet(side, PUSH | ACK, data)) for at_s, side, data in list(seen)
    ]


def dissect(path: Path, *options: str) -> list[str]:
    """What tshark prints of a capture, line by line; skips the test where there is no tshark."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed (apt-get install tshark)")
    done = subprocess.run([tshark, "-r", str(path), *options], capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()
