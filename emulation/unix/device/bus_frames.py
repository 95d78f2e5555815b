"""Frames between a node on MicroPython's unix port and its emulator, over one inherited stream socket (VUZOL_BUS_FD).
It must never know a chip: it names transfers on pins and buses. Both sides read it, so it imports nothing.
Specification: this drawing.

    request   op u8 | unit u8 | length u16 | payload of `length` bytes      little-endian; unit: pin, bus or partition
    reply     status u8 | payload whose length the request has fixed        where the table has an answer

    op           unit       payload                       answer
    PIN_WRITE    pin        level u8                      -
    PIN_READ     pin        -                             level u8
    PWM          pin        frequency_hz u32, duty u16    -
    I2C_WRITE    bus        address u8, data              acknowledged u16
    I2C_READ     bus        address u8, count u16         data of `count` bytes
    SPI_WRITE    bus        data                          -
    SPI_EXCHANGE bus        data                          data of the same length
    FLASH_READ   partition  offset u32, count u32         data of `count` bytes
    FLASH_WRITE  partition  offset u32, data              busy_us u32
    FLASH_ERASE  partition  block u32                     busy_us u32
    WATCHDOG     0          timeout_ms u32                -                     feeds it, and starts it the first time
    PULSES       pin        -                             count u32             of falling edges since the beginning

A failed transfer answers its status and a payload of zeros. The device is blocked until the answer is there, as it is
on a real bus; after a flash operation it stays blocked for busy_us more, as with interrupts off.
"""

PIN_WRITE = 1
PIN_READ = 2
PWM = 3
I2C_WRITE = 4
I2C_READ = 5
SPI_WRITE = 6
SPI_EXCHANGE = 7
FLASH_READ = 8
FLASH_WRITE = 9
FLASH_ERASE = 10
WATCHDOG = 11
PULSES = 12

HEADER = "<BBH"
HEADER_SIZE = 4
MAX_PAYLOAD = 0xFFFF

STATUS_OK = 0
STATUS_NO_DEVICE = 1  # nobody acknowledges the address
STATUS_OUT_OF_RANGE = 2

RESET_EXIT_STATUS = 64  # the process leaves with it in machine.reset(); the emulator starts it anew
