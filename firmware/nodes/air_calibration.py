"""The calibration of a post's electrochemical cells, from the settings or from a document: checked once, then numbers.

Never guesses: a calibration of which anything is not whole is none.
Specification: firmware/drivers/electrochemical.py (the numbers); firmware/README.md, "Air post".
"""

import json
from collections import namedtuple

from firmware.drivers.electrochemical import ALGORITHMS, TABLE_POINTS, Cell
from protocols.wire.air_rows import GASES

LARGEST_DOCUMENT = 8_192  # seven cells take some 3 KB
INPUTS = 16  # four converters of four inputs
LARGEST = 100_000_000
NUMBERS = (
    "we_electronic_uv",
    "ae_electronic_uv",
    "we_zero_uv",
    "ae_zero_uv",
    "sensitivity_nv",
)

# inputs: of the working and the auxiliary electrode, on the same converter
WiredCell = namedtuple("WiredCell", ("cell", "we_input", "ae_input"))
Calibration = namedtuple("Calibration", ("version", "cells"))

NONE = {"version": 0, "cells": []}


def calibration(value):
    """A check for configuration tables: {"version": whole number, "cells": [one object a cell]}."""
    if type(value) is not dict or type(value.get("cells")) is not list:
        raise ValueError('an object with "version" and a list "cells"')
    version = _whole(value, "version", 0, 0xFFFFFFFF)
    return Calibration(version, tuple([_wired(cell) for cell in value["cells"]]))


def in_document(documents, held):
    """The calibration in a document, whose version is the document's. Raises ValueError."""
    if held.size > LARGEST_DOCUMENT:
        raise ValueError(f"a document of {LARGEST_DOCUMENT} bytes at most")
    data = bytearray(held.size)
    documents.read(held, 0, data)
    value = json.loads(data)
    if type(value) is dict:
        value["version"] = held.version
    return calibration(value)


def _wired(value):
    if type(value) is not dict or value.get("gas") not in GASES:
        raise ValueError("cells with a gas of " + ", ".join(GASES))
    gas = value["gas"]
    inputs = value.get("inputs")
    if type(inputs) is not list or len(inputs) != 2:
        raise ValueError(f"two inputs for {gas}")
    for number in inputs:
        if type(number) is not int or not 0 <= number < INPUTS:
            raise ValueError(f"inputs from 0 to {INPUTS - 1} for {gas}")
    if inputs[0] // 4 != inputs[1] // 4:
        raise ValueError(f"inputs of one converter for {gas}")
    algorithm = _whole(value, "algorithm", ALGORITHMS[0], ALGORITHMS[-1])
    numbers = [_whole(value, name, -LARGEST, LARGEST) for name in NUMBERS]
    if not numbers[-1] or (algorithm == 2 and not numbers[3]):
        raise ValueError(f"a sensitivity, and for algorithm 2 a zero of the auxiliary electrode, for {gas}")
    table = value.get("table")
    if type(table) is not list or len(table) != TABLE_POINTS or not all(type(one) is int for one in table):
        raise ValueError(f"a table of {TABLE_POINTS} whole numbers for {gas}")
    cross = value.get("cross", {})
    if type(cross) is not dict or not all(name in GASES and type(nv) is int for name, nv in cross.items()):
        raise ValueError(f"cross-sensitivities by gas for {gas}")
    cell = Cell(*([gas, algorithm] + numbers + [tuple(table), tuple(cross.items())]))
    return WiredCell(cell, inputs[0], inputs[1])


def _whole(value, name, low, high):
    found = value.get(name)
    if type(found) is not int or not low <= found <= high:
        raise ValueError(f"whole numbers, {name} from {low} to {high}")
    return found
