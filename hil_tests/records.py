"""What a node's flash holds, as the records that they are.

Never asks the node: the image is read as a technician with a programmer would read it.
Specification: protocols/wire/journal_format.py.
"""

from emulation.launch import NodeHandle
from protocols.wire import journal_format, record


def journalled(node: NodeHandle) -> list[record.Record]:
    """Every record in the journal, oldest first."""
    return [record.parse(data)[0] for data in journal_format.read_image(node.flash_image()).records]


def of_kind(node: NodeHandle, kind: int) -> list[record.Record]:
    return [one for one in journalled(node) if one.kind == kind]
