"""What the board mounts at its start: the settings at / and the fonts; documents and journal stay untouched.
It must never know a kind of node.
Specification: boards/README.md; board.toml, [flash].
"""

import os

import frozen_fonts  # pyright: ignore[reportMissingImports] - the image build writes it
import pyb  # pyright: ignore[reportMissingImports]
import vfs

from boards.nucleo_f429zi import flash_map
from boards.nucleo_f429zi.cached_flash import PAGE_BYTES, CachedFlash
from boards.rpi_pico.frozen_files import FrozenFiles


def mount_all():
    storage = pyb.Flash(start=flash_map.SETTINGS_START, len=flash_map.SETTINGS_BYTES)
    partition = CachedFlash(storage, flash_map.SETTINGS_BYTES)
    try:
        settings = mountable(partition)
    except OSError:  # blank, or damaged beyond reading: nothing is left to lose, and a node can be provisioned again
        vfs.VfsLfs2.mkfs(partition, progsize=PAGE_BYTES)  # pyright: ignore[reportArgumentType] - as below
        settings = mountable(partition)
    vfs.mount(settings, "/")
    vfs.mount(FrozenFiles(frozen_fonts.FILES), "/firmware/fonts", readonly=True)
    os.chdir("/")  # so that relative paths, as frozen modules have in __file__, go through the mount table


def mountable(partition):
    return vfs.VfsLfs2(partition, progsize=PAGE_BYTES)  # pyright: ignore[reportArgumentType] - Flash is a block device
