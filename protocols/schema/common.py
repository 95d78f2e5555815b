"""Records that every node kind sends: boot, status, event, result, gap, document.

Never holds anything that only one kind of node knows.
Specification: protocols/README.md; the guarantees G2 (boot id), G4 (gaps) and G6 (results).
"""

from construct import (
    Array,
    Enum,
    GreedyBytes,
    Int8ub,
    Int16ub,
    Int32sb,
    Int32ub,
    Int64ub,
    Prefixed,
    Struct,
)

from protocols.schema.message import Message

BOOT = Message(
    "boot",
    kind=1,
    version=1,
    direction="up",
    doc="First record after each start; opens a new boot id.",
    body=Struct(
        "boot_id" / Int32ub * "persisted counter, one higher at each start",
        "node_kind" / Int8ub * "id of wire/node_kinds.py",
        "firmware" / Array(3, Int8ub) * "major, minor, patch",
        "reset_cause" / Enum(Int8ub, unknown=0, power_on=1, watchdog=2, requested=3, update=4),
        "journal_depth" / Int32ub * "records that wait for a receipt",
        "settings_crc" / Int32ub * "CRC-32 of the settings file in force",
    ),
)

STATUS = Message(
    "status",
    kind=2,
    version=1,
    direction="up",
    doc="Health of the node, sent at a configured interval.",
    body=Struct(
        "uptime_s" / Int32ub,
        "heap_free" / Int32ub * "bytes",
        "heap_used" / Int32ub * "bytes",
        "journal_depth" / Int32ub * "records that wait for a receipt",
        "journal_oldest_seq" / Int64ub * "0: nothing waits",
        "journal_erases" / Int32ub * "sector erases since provisioning",
        "link_connects" / Int16ub * "connections made since boot",
        "task_restarts" / Int16ub * "tasks that the supervisor started again since boot",
        "peripheral_faults" / Int16ub * "bus errors, frame errors and silences since boot",
        "refused_envelopes" / Int16ub * "envelopes from the controller that the node refused since boot",
    ),
)

EVENT = Message(
    "event",
    kind=3,
    version=1,
    direction="up",
    doc="Something worth telling a person; the text is for technicians, in English.",
    body=Struct(
        "code"
        / Enum(
            Int16ub,
            settings_fault=1,
            peripheral_fault=2,
            peripheral_back=3,
            task_restarted=4,
            journal_nearly_full=5,
            journal_full=6,
            out_of_service=7,
            in_service=8,
            clock_stepped=9,
            clock_set=11,  # 10 is frozen as wrong in vectors/messages_v1.json
            update=12,
        ),
        "severity" / Enum(Int8ub, info=0, warning=1, error=2),
        "detail" / Int32sb * "meaning depends on the code; clock_set: milliseconds of uptime at the record's time",
        "text" / Prefixed(Int8ub, GreedyBytes) * "UTF-8, at most 120 bytes",
    ),
)

RESULT = Message(
    "result",
    kind=4,
    version=1,
    direction="up",
    doc="How a command ended (G6); show commands that succeed end in shown_on_glass instead.",
    body=Struct(
        "command_id" / Int64ub,
        "outcome" / Enum(Int8ub, done=1, refused=2, expired=3, failed=4),
        "reason"
        / Enum(
            Int8ub,
            none=0,
            unknown_command=1,
            malformed_body=2,
            fault=3,
            interrupted=5,  # 4 is frozen as wrong, as above
            superseded=6,
            clock_unset=7,
        ),
    ),
)

GAP = Message(
    "gap",
    kind=5,
    version=1,
    direction="up",
    doc="Sequence numbers that this node no longer has (G4).",
    body=Struct(
        "first_seq" / Int64ub,
        "last_seq" / Int64ub * "inclusive",
        "reason"
        / Enum(
            Int8ub,
            torn_write=1,
            corrupted=2,
            overwritten=3,
            receipted_before=4,
            flash_replaced=6,  # 5 is frozen as wrong, as above
        ),
    ),
)

DOCUMENT = Message(
    "document",
    kind=6,
    version=1,
    direction="up",
    doc="What became of a document that was offered, and at each start which documents are there.",
    body=Struct(
        "type" / Int8ub * "id of wire/document.py",
        "version" / Int32ub * "that was offered, or is held",
        "outcome"
        / Enum(
            Int8ub,
            held=1,
            stored=2,
            refused=3,
            failed=4,
            trial=6,  # 5 is frozen as wrong in vectors/messages_document_v1.json
            confirmed=7,
            rolled_back=8,
        ),
        "reason"
        / Enum(
            Int8ub,
            none=0,
            no_space=1,
            older=2,
            unknown_type=3,
            unverified=4,
            wrong_hash=5,
            flash_fault=6,
            wrong_signature=8,  # 7 is frozen as wrong, as above
            revoked=9,
            wrong_board=10,
            wrong_kind=11,
            image_too_old=12,
            malformed=13,
            bad_set=14,
            crashed=15,
            hung=16,
            no_receipt=17,
        ),
        "held_version" / Int32ub * "in force from now on; 0: none",
    ),
)

MESSAGES = (BOOT, STATUS, EVENT, RESULT, GAP, DOCUMENT)
