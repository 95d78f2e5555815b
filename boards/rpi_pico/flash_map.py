"""Where the partitions of the Raspberry Pi Pico's flash stand, in bytes from the end of the image, as rp2.Flash counts.
It must never know what a partition holds. It imports nothing: the device and the host's tests read it.
Specification: board.toml, [flash]; a test holds these numbers to it.
"""

SETTINGS_START = 0
SETTINGS_BYTES = 65_536
SLOT_A_START = SETTINGS_START + SETTINGS_BYTES
SLOT_BYTES = 262_144
SLOT_B_START = SLOT_A_START + SLOT_BYTES
DOCUMENTS_START = SLOT_B_START + SLOT_BYTES
DOCUMENTS_BYTES = 262_144
JOURNAL_START = DOCUMENTS_START + DOCUMENTS_BYTES
JOURNAL_BYTES = 524_288
BOOT_START = JOURNAL_START + JOURNAL_BYTES
BOOT_BYTES = 8_192
