"""The records that every node kind sends, as events.

Never knows a kind of node; that is the business of the module named like the kind.
Specification: protocols/schema/common.py.
"""

from controller.events import (
    CommandEnded,
    DocumentReported,
    GapDeclared,
    IncidentReported,
    NodeBooted,
    StatusReported,
)
from protocols.wire import text
from protocols.wire.messages import boot, document, event, gap, result, status
from protocols.wire.record import Record


def node_booted(node: bytes, record: Record, m: boot.Boot) -> NodeBooted:
    """A new boot id."""
    firmware = ".".join(map(str, m.firmware))
    return NodeBooted(node, _at_ms(record), m.boot_id, firmware, m.reset_cause, m.journal_depth)


def status_reported(node: bytes, record: Record, m: status.Status) -> StatusReported:
    """Health."""
    return StatusReported(
        node,
        _at_ms(record),
        m.uptime_s,
        m.heap_free,
        m.journal_depth,
        m.journal_erases,
        m.link_connects,
        m.task_restarts,
        m.peripheral_faults,
        m.refused_envelopes,
    )


def incident_reported(node: bytes, record: Record, m: event.Event) -> IncidentReported:
    """For a technician's eyes."""
    return IncidentReported(node, _at_ms(record), m.code, m.severity, m.detail, text.unpad(m.text))


def command_ended(node: bytes, record: Record, m: result.Result) -> CommandEnded:
    """The end of a command (G6)."""
    return CommandEnded(node, _at_ms(record), m.command_id, m.outcome, m.reason)


def gap_declared(node: bytes, record: Record, m: gap.Gap) -> GapDeclared:
    """Numbers that will never come (G4)."""
    return GapDeclared(node, _at_ms(record), m.first_seq, m.last_seq, m.reason)


def document_reported(node: bytes, record: Record, m: document.Document) -> DocumentReported:
    """Which version is in force, or how an offer ended."""
    return DocumentReported(node, _at_ms(record), m.type, m.version, m.outcome, m.reason, m.held_version)


def _at_ms(record: Record) -> int:
    at_ms: int = record.time_s * 1000 + record.time_ms
    return at_ms


RECORDS = (
    (boot, node_booted),
    (status, status_reported),
    (event, incident_reported),
    (result, command_ended),
    (gap, gap_declared),
    (document, document_reported),
)
