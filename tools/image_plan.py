"""What goes into a board's firmware image, worked out from board.toml and the source tree: no compiler, no network.
It must never know how the image is built, only with what.
Specification: boards/README.md, "The image"; MicroPython's manual, "MicroPython manifest files".
"""

import hashlib
import struct
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
BOARDS = ROOT / "boards"
RECIPE = 2  # raise it when the build itself changes: older images in the cache are then not taken for new ones

UF2_BLOCK = struct.Struct("<8I476sI")
UF2_MAGIC = (0x0A324655, 0x9E5D5157, 0x0AB16F30)
FLASH_BASE = 0x10000000


class ImageTooBig(Exception):
    """The image does not fit the room that board.toml gives it."""


@dataclass(frozen=True)
class Partition:
    """A piece of the flash; `start` counts from the beginning of the chip."""

    name: str
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass(frozen=True)
class ImagePlan:
    """One board's image: the facts of its board.toml and every file that is frozen, by its path on the device."""

    board: str
    facts: Mapping[str, Any]
    frozen: Mapping[str, Path]
    fonts: Mapping[str, Path]

    @property
    def micropython(self) -> str:
        return str(self.facts["firmware"]["micropython"])

    @property
    def budget(self) -> int:
        return int(self.facts["flash"]["image_bytes"])

    @property
    def storage_bytes(self) -> int:
        return int(self.facts["flash"]["total_bytes"]) - self.budget


def plan_image(board: str) -> ImagePlan:
    """Raises UsageError: no such board, or one that needs no image."""
    path = BOARDS / board / "board.toml"
    if not path.is_file():
        raise UsageError(f"there is no board {board!r}; there are: {', '.join(boards_with_image())}")
    facts = tomllib.loads(path.read_text(encoding="utf-8"))
    if "firmware" not in facts:
        raise UsageError(f"the board {board!r} has no firmware image; these have: {', '.join(boards_with_image())}")
    frozen = {_device_path(source): source for source in device_modules(board)}
    frozen |= {name: ROOT / name for name in facts["firmware"].get("shares", ())}
    frozen |= {source.name: source for source in sorted((BOARDS / board / "frozen").glob("*.py"))}
    fonts = {source.name: source for source in sorted((ROOT / "firmware" / "fonts").glob("*.bin"))}
    return ImagePlan(board, facts, frozen, fonts)


def device_modules(board: str) -> list[Path]:
    """Every module of ours that a board's nodes load."""
    folders = (ROOT / "firmware", ROOT / "protocols" / "wire", BOARDS / board)
    found = [ROOT / "protocols" / "__init__.py", BOARDS / "__init__.py"]
    for folder in folders:
        found += (path for path in folder.rglob("*.py") if not {"tests", "frozen"} & set(path.parts))
    return sorted(found)


def boards_with_image() -> list[str]:
    found = (path for path in sorted(BOARDS.glob("*/board.toml")) if "firmware" in tomllib.loads(path.read_text()))
    return [path.parent.name for path in found]


def partitions(facts: Mapping[str, Any], kind: str) -> list[Partition]:
    """The flash of a kind from beginning to end, in the order that board.toml describes."""
    flash, own = facts["flash"], facts["flash"][kind]
    sizes = (
        ("image", flash["image_bytes"]),
        ("settings", own["settings_bytes"]),
        ("slot_a", flash["slot_bytes"]),
        ("slot_b", flash["slot_bytes"]),
        ("documents", own["documents_bytes"]),
        ("journal", own["journal_bytes"]),
        ("boot", flash["boot_bytes"]),
    )
    placed: list[Partition] = []
    for name, size in sizes:
        placed.append(Partition(name, placed[-1].end if placed else 0, size))
    return placed


def input_hash(plan: ImagePlan, pins: Iterable[str]) -> str:
    """Names an image by everything that it is made of; `pins` are the versions of what comes from elsewhere."""
    digest = hashlib.sha256(f"recipe {RECIPE}\n".encode())
    texts = {"pins": "\n".join(pins), "board.h": config_header(plan), "board.cmake": CONFIG_CMAKE}
    for name, text in texts.items():
        digest.update(f"{name} {len(text)}\n{text}".encode())
    for name, source in sorted({**plan.frozen, **plan.fonts}.items()):
        content = source.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def config_header(plan: ImagePlan) -> str:
    """mpconfigboard.h: MicroPython keeps everything behind the image for rp2.Flash; a slot is mounted with VfsRom."""
    name, _, _ = plan.facts["firmware"]["machine"].partition(" with ")
    usb = plan.facts["usb"]
    return (
        f'#define MICROPY_HW_BOARD_NAME "{name}"\n'
        f"#define MICROPY_HW_FLASH_STORAGE_BYTES ({plan.storage_bytes})\n"
        "#define MICROPY_HW_ROMFS_BYTES (4096)\n"  # brings VfsRom; the partition itself stays blank, the image's end
        f"#define MICROPY_HW_USB_VID (0x{usb['vendor_id']:04X})\n"
        f"#define MICROPY_HW_USB_PID (0x{usb['product_id']:04X})\n"
    )


CONFIG_CMAKE = 'set(PICO_BOARD "pico")\nset(PICO_PLATFORM "rp2040")\n'


def write_board_folder(plan: ImagePlan, folder: Path) -> None:
    """The board as MicroPython's build wants it, its manifest and a copy of what is frozen.

    Files that did not change keep their time stamps, so that a second build compiles only what is new.
    """
    tree = {"mpconfigboard.h": config_header(plan).encode(), "mpconfigboard.cmake": CONFIG_CMAKE.encode()}
    tree["manifest.py"] = manifest(plan).encode()
    tree["frozen/frozen_fonts.py"] = fonts_module({name: path.read_bytes() for name, path in plan.fonts.items()})
    tree |= {f"frozen/{name}": source.read_bytes() for name, source in plan.frozen.items()}
    write_files(folder, tree)


def write_files(folder: Path, tree: Mapping[str, bytes]) -> None:
    """What did not change keeps its time stamp; modules that are no longer frozen go."""
    for name, content in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)
    for path in (folder / "frozen").rglob("*.py"):
        if path.relative_to(folder).as_posix() not in tree:
            path.unlink()


def manifest(plan: ImagePlan) -> str:
    """MicroPython's own start modules are left out: the board's frozen/_boot.py takes their place."""
    names = sorted([*plan.frozen, "frozen_fonts.py"])
    lines = ['include("$(MPY_DIR)/extmod/asyncio")', 'freeze("$(PORT_DIR)/modules", "rp2.py")']
    return "\n".join(lines + [f'freeze("$(BOARD_DIR)/frozen", "{name}")' for name in names]) + "\n"


def fonts_module(fonts: Mapping[str, bytes]) -> bytes:
    """A module whose bytes stay in flash when it is frozen."""
    lines = ['"""The display fonts."""', "FILES = {"]
    lines += [f"    {name!r}: {content!r}," for name, content in sorted(fonts.items())]
    return "\n".join([*lines, "}\n"]).encode()


def image_of_uf2(uf2: bytes) -> bytes:
    """The bytes that a UF2 file puts at the beginning of the flash. Raises ValueError."""
    image = bytearray()
    for at in range(0, len(uf2), UF2_BLOCK.size):
        magic, second, _, address, size, _, _, _, payload, last = UF2_BLOCK.unpack_from(uf2, at)
        if (magic, second, last) != UF2_MAGIC or address != FLASH_BASE + len(image):
            raise ValueError("this is no UF2 file of one piece for an RP2040")
        image += payload[:size]
    return bytes(image)


def check_budget(plan: ImagePlan, size: int) -> str:
    """The sentence for a person. Raises ImageTooBig."""
    told = f"{size} of {plan.budget} bytes ({100 * size / plan.budget:.1f} %)"
    if size > plan.budget:
        over = size - plan.budget
        raise ImageTooBig(f"the image needs {told}: {over} too many for boards/{plan.board}/board.toml, image_bytes")
    return told


def _device_path(source: Path) -> str:
    return source.relative_to(ROOT).as_posix()
