"""What MicroPython runs after its boot: the node. Ctrl-C on the console leaves it for the REPL.
It must never do more than that.
Specification: firmware/README.md.
"""

from firmware.boot import run

run()
