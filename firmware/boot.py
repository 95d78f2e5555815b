"""What starts first: chooses the set of modules that runs, and takes the old one when a new one does not do.

Never changes with an update: it lies in the board's image. It needs boot_record.py, the board's slots.py and no more.
Specification: firmware/UPDATES.md.
"""

import gc
import sys

import machine

from firmware import boot_record
from firmware.boot_record import BootRecord
from protocols.wire.manifest import IMAGE

BOARDS = {"linux": "unix", "rp2": "rpi_pico", "pyboard": "nucleo_f429zi"}  # sys.platform: folder of boards/
OURS = ("boards", "firmware", "protocols")
SET = "/set"  # where the set of a slot is mounted; the factory set lies on the path behind it
LOADING_BYTES = 16_384  # collected that often while modules are loaded, or they come to lie all over the heap
WATCHDOG_MS = 8_000  # the RP2040 counts no further than 8388


def board(module):
    """A module of the board that this runs on."""
    return __import__("boards." + BOARDS[sys.platform] + "." + module, None, None, (module,))


def run():
    """Start the set that is to run, and end with it."""
    gc.threshold(LOADING_BYTES)
    slots = board("slots")
    record = BootRecord(slots.boot_flash())
    is_power_on = machine.reset_cause() == machine.PWRON_RESET
    running = choose(record, boot_record.POWER_ON_COST if is_power_on else boot_record.RESET_COST)
    if running is not None:
        if record.slots[running].state == boot_record.TRIAL:
            machine.WDT(timeout=WATCHDOG_MS)  # a set that hangs while it is loaded
        slots.mount(running, boot_record.image_at(record.slots[running].manifest_size), SET)
        sys.path.insert(0, SET)
    for name in list(sys.modules):
        if name.split(".")[0] in OURS:
            del sys.modules[name]  # it is the image's; from here on everything is the set's
    loaded = False
    try:
        main = __import__("firmware.main", None, None, ("start",))
        loaded = True
        main.start(running, IMAGE)  # of the image: the set may have been made for a newer one
    except Exception as fault:
        record = BootRecord(slots.boot_flash())
        if running is None or (loaded and record.slots[running].state != boot_record.TRIAL):
            raise
        sys.print_exception(fault)
        record.give_up(running, boot_record.CRASHED)
        machine.reset()


def choose(record, cost):
    """The slot whose set is to run now, None for the factory set; with a set on trial patience gets less by `cost`."""
    while True:
        number = record.to_start()
        if number is None or record.slots[number].state == boot_record.CONFIRMED:
            return number
        used = record.slots[number].patience + cost
        if used <= boot_record.PATIENCE:
            record.change(number, state=boot_record.TRIAL, patience=used)
            return number
        record.give_up(number, boot_record.HUNG)


if __name__ == "__main__":
    run()
