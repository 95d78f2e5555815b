"""Modbus function and exception codes, and what their requests may hold; the same on every line.

Never knows a line or a register. Specification: Modbus Application Protocol V1.1b3, sections 6 and 7.
"""

READ_HOLDING_REGISTERS = 0x03
READ_INPUT_REGISTERS = 0x04
WRITE_SINGLE_REGISTER = 0x06
WRITE_MULTIPLE_REGISTERS = 0x10
READ_FILE_RECORD = 0x14
WRITE_FILE_RECORD = 0x15
READ_WRITE_REGISTERS = 0x17
ENCAPSULATED_INTERFACE = 0x2B
READ_DEVICE_IDENTIFICATION = 0x0E  # the MEI type of ENCAPSULATED_INTERFACE

EXCEPTION = 0x80  # stands in the function of an answer that is an exception
ILLEGAL_FUNCTION = 1
ILLEGAL_DATA_ADDRESS = 2
ILLEGAL_DATA_VALUE = 3
SERVER_DEVICE_FAILURE = 4

MAX_READ_REGISTERS = 125
MAX_WRITE_REGISTERS = 123
MAX_READ_WRITE_REGISTERS = 121  # those that 0x17 writes
MAX_FILE_RESPONSE = 0xF5  # bytes of data
MAX_FILE_REQUEST = 0xFB


class Refused(Exception):
    """The request is answered by an exception, `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code
