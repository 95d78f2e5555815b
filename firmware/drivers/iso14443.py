"""What kind of medium lies on the reader: told from SAK, UID and one SELECT, and nothing else.

It must never read what a medium holds: of a bank card it learns that it is one, and stops.
Spec: ISO/IEC 14443-3 6.5 (SAK, UID), NXP AN10833 (MIFARE type identification), EMV Contactless Book B 3.3 (PPSE).
"""

CLASSIC = "classic"
ULTRALIGHT = "ultralight"
ISO_DEP = "iso_dep"
UNKNOWN = "unknown"

SAK_ISO_DEP = 0x20  # ISO/IEC 14443-3 table 9, b6: compliant with ISO/IEC 14443-4
SAK_ULTRALIGHT = 0x00
SAK_CLASSIC = (0x08, 0x09, 0x10, 0x11, 0x18, 0x88)  # AN10833 table 5: 1K, Mini, Plus SL2 (2K and 4K), 4K, Infineon 1K
UID_RANDOM = 0x08  # ISO/IEC 14443-3 table 5: uid0 of a single-size UID generated anew at each activation

PPSE = b"2PAY.SYS.DDF01"
SELECT_PPSE = b"\x00\xa4\x04\x00\x0e" + PPSE + b"\x00"
SW_OK = b"\x90\x00"
FCI_TEMPLATE = 0x6F  # ISO/IEC 7816-4 5.3.3
DF_NAME = 0x84


def medium(target) -> str:
    """One of CLASSIC, ULTRALIGHT, ISO_DEP, UNKNOWN. A chip that is both Classic and ISO-DEP counts as ISO-DEP."""
    if target.sak & SAK_ISO_DEP:
        return ISO_DEP
    if target.sak == SAK_ULTRALIGHT:
        return ULTRALIGHT
    if target.sak in SAK_CLASSIC:
        return CLASSIC
    return UNKNOWN


def uid_is_random(target) -> bool:
    """True for phones: the UID is another at the next activation. A longer UID that begins with 08 is a fixed one."""
    return len(target.uid) == 4 and target.uid[0] == UID_RANDOM


def is_bank_medium(answer: bytes) -> bool:
    """Whether the answer to SELECT_PPSE is that of a payment card or phone: 6F len 84 0E "2PAY.SYS.DDF01" … 90 00."""
    if len(answer) < 2 or answer[-2:] != SW_OK or answer[0] != FCI_TEMPLATE:
        return False
    # a template longer than 127 bytes has its length in two bytes, 81 nn
    name = 3 if answer[1] == 0x81 else 2
    return answer[name : name + 2 + len(PPSE)] == bytes((DF_NAME, len(PPSE))) + PPSE
