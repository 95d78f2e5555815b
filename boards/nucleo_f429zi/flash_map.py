"""Where the partitions stand in MicroPython's storage of the NUCLEO-F429ZI, in bytes from its beginning.
It must never know what a partition holds. It imports nothing: the device and the host's tests read it.
Specification: board.toml, [flash]; a test holds these numbers to it.
"""

STORAGE_ADDRESS = 0x0800_4000  # sectors 1 to 4: three of 16 KB, one of 64 KB
STORAGE_BYTES = 114_688
SETTINGS_START = 0
SETTINGS_BYTES = 20_480
DOCUMENTS_START = SETTINGS_START + SETTINGS_BYTES
DOCUMENTS_BYTES = 16_384
JOURNAL_START = DOCUMENTS_START + DOCUMENTS_BYTES
JOURNAL_BYTES = 65_536
SLOT_START = JOURNAL_START + JOURNAL_BYTES
SLOT_BYTES = 4_096
BOOT_START = SLOT_START + SLOT_BYTES
BOOT_BYTES = 8_192
