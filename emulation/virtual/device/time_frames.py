"""Frames that a node in virtual time adds to those of the bus: its waits, its lines and its sockets.
It must never know what a byte means. Both sides read it, so it imports nothing.
Specification: this drawing; emulation/unix/device/bus_frames.py for the header, which is the same.

    op           unit       payload                answer
    ADVANCE      0          now_us u64             -        time passed meanwhile: transfers, short waits
    WAIT         0          until_us u64           now_us u64, free_until_us u64, size u32, `size` bytes of arrivals
    UART_WRITE   uart       data                   -
    CONNECT      socket     port u16, host         -
    SEND         socket     data                   -
    CLOSE        socket     -                      -

    arrival      kind u8 | unit u8 | length u16 | data of `length` bytes

Until free_until_us nothing can reach the node: so far it lets its time pass without asking.
A transfer that answers STATUS_SAME instead of STATUS_OK would be answered the same until CHANGED arrives: who sleeps
next, to ask again, is left asleep until then.
"""

ADVANCE = 32
WAIT = 33
UART_WRITE = 34
CONNECT = 35
SEND = 36
CLOSE = 37

STATUS_SAME = 3

WAIT_ANSWER = "<BQQI"
WAIT_ANSWER_SIZE = 21

UART_DATA = 1
OPENED = 2
SOCKET_DATA = 3
CLOSED = 4  # by the other end, or it never opened
CHANGED = 5

NEVER_US = 1 << 60
