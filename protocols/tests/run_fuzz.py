"""Throw the same damaged bytes at every parser, on whatever interpreter runs this file: CPython or MicroPython.

Prints a line a target and a hundred inputs: the CRC-32 of what came out. A traceback names target and input.

    micropython protocols/tests/run_fuzz.py [ROUNDS]
"""

import gc
import sys
from binascii import crc32, hexlify

from protocols.tests.dice import Dice
from protocols.tests.fuzz_targets import TARGETS, outcome

ROUNDS = 3
A_ROUND = 100


def throw(name, target, seeds, rounds):
    dice = Dice(len(name))
    for number in range(rounds):
        crc = 0
        for case in range(A_ROUND):
            seed = seeds[case % len(seeds)]
            data = (seed, dice.damaged(seed), dice.noise(dice.below(60)))[0 if case < len(seeds) else 1 + case % 2]
            try:
                crc = crc32(outcome(target, data).encode(), crc)
            except Exception:
                print("FAILED", name, hexlify(data).decode())
                raise
        gc.collect()
        print(name, number, crc)


if __name__ == "__main__":
    for name, target, seeds in TARGETS:
        throw(name, target, seeds, int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)
