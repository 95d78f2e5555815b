"""What MicroPython runs first. Its names stay in the console's namespace, so it leaves none.
It must never know what is mounted.
Specification: boards/nucleo_f429zi/mounts.py.
"""

from boards.nucleo_f429zi.mounts import mount_all

mount_all()
del mount_all
