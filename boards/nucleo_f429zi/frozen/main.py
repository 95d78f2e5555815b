"""What MicroPython runs after its boot: the network and the node. Ctrl-C on the console leaves it for the REPL.
It must never do more than that.
Specification: firmware/README.md.
"""

from boards.nucleo_f429zi.hal import network_port
from firmware.boot import run

network_port()
run()
