"""The audit on its way out of the machine: a row a message, as RFC 5424, to a socket of this machine or over UDP.

Never waits and never fails the act that was noted: what cannot be sent is logged, and vuzol audit export brings it.
Specification: RFC 5424, 6 (facility 13, log audit); RFC 5426 (UDP).
"""

from __future__ import annotations

import socket
from datetime import UTC, datetime
from typing import Any

import structlog

from controller.access.audit import canonical
from controller.access.audit_log import AuditRow

FACILITY_AUDIT = 13
NOTICE, WARNING = 5, 4
BOM = "\ufeff"

log = structlog.get_logger("audit")


def line(row: AuditRow, host: str, site: str) -> str:
    """One message; its structured data names the row, its text is the row as JSON."""
    priority = FACILITY_AUDIT * 8 + (NOTICE if row.note.result == "done" else WARNING)
    at = datetime.fromtimestamp(row.noted_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = f'[vuzol@32473 id="{row.id}" seal="{row.seal.hex()}"]'
    return f"<{priority}>1 {at} {host} vuzol-{site} - audit {data} {BOM}{canonical(row.public())}"


class Syslog:
    """`target` is host:port, or the path of a socket. Raises OSError for a host that is not known."""

    def __init__(self, target: str, site: str) -> None:
        self._site = site
        self._host = socket.gethostname() or "-"
        name, _, port = target.rpartition(":")
        self._address: Any = target
        family = socket.AF_UNIX
        if port.isdigit() and name:  # asked once: a name server is slow
            family, _, _, _, self._address = socket.getaddrinfo(name, int(port), type=socket.SOCK_DGRAM)[0]
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, row: AuditRow) -> None:
        """One row."""
        try:
            self._socket.sendto(line(row, self._host, self._site).encode(), self._address)
        except OSError as error:
            log.warning("a row of the audit did not reach syslog", row=row.id, error=str(error))

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
