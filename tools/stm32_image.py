"""Builds the firmware image of an STM32 board: MicroPython's sources, which a person has, with our modules frozen in.
It must never fetch sources: Debian has not those of this chip's library, and MicroPython's release file has everything.
Specification: boards/nucleo_f429zi/README.md; MicroPython's ports/stm32/README.md.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tools.debian_sources import run
from tools.errors import UsageError
from tools.firmware_image import FirmwareImage, cache_folder, install
from tools.image_plan import ImagePlan, check_budget, fonts_module, input_hash, write_files

SOURCE_VARIABLE = "VUZOL_MICROPYTHON_SOURCE"
LIKE = "NUCLEO_F429ZI"  # MicroPython's board that ours is
LIBRARY = "lib/stm32lib/STM32F4xx_HAL_Driver"
PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "make": "make",
    "gcc": "gcc libc6-dev",
}
CONFIG = f"""#include "boards/{LIKE}/mpconfigboard.h"
#define MICROPY_HW_FLASH_MOUNT_AT_BOOT (0) // the storage has partitions: boards/nucleo_f429zi/mounts.py
#undef MICROPY_HW_ENABLE_USB
#undef MICROPY_HW_USB_FS // no RAM for it: the console is the programmer's serial port
#undef MICROPY_HW_LED1 // the light is the node's: MicroPython would show with it that its storage is being written
#undef MICROPY_HW_LED2
#undef MICROPY_HW_LED3
#undef MICROPY_HW_HAS_SWITCH
#define MICROPY_HW_HAS_SWITCH (0) // held at a start, the board's button would erase what the node keeps
"""
MAKE = f"""include boards/{LIKE}/mpconfigboard.mk
FROZEN_MANIFEST = $(BOARD_DIR)/manifest.py
MICROPY_VFS_LFS2 = 1
"""


def stm32_image(plan: ImagePlan) -> FirmwareImage:
    """Where the image of the present source tree is, if it has been built: ask `.exists`."""
    return FirmwareImage(cache_folder() / input_hash(plan, (plan.micropython, CONFIG, MAKE)))


def build(plan: ImagePlan) -> FirmwareImage:
    """The image of the present source tree, from the cache if it is there. Raises UsageError, ImageTooBig."""
    image = stm32_image(plan)
    if not image.exists:
        _build_new(plan, image, _source(plan))
    print(f"firmware: image {check_budget(plan, image.binary.stat().st_size)}")
    print(f"firmware: {image.elf}")
    return image


def _source(plan: ImagePlan) -> Path:
    named = os.environ.get(SOURCE_VARIABLE)
    if not named:
        raise UsageError(
            f"to build this image, unpack micropython-{plan.micropython}.tar.xz of MicroPython's releases, which holds "
            f"its libraries too, and set {SOURCE_VARIABLE} to the folder; or set VUZOL_STM32_IMAGE to an image"
        )
    source = Path(named).resolve()
    for needed in ("ports/stm32/Makefile", LIBRARY, "lib/lwip/src", "lib/mbedtls/library"):
        if not (source / needed).exists():
            raise UsageError(f"{SOURCE_VARIABLE} is {source}, and there is no {needed} in it")
    return source


def _build_new(plan: ImagePlan, image: FirmwareImage, source: Path) -> None:
    missing = [packages for program, packages in PACKAGES.items() if shutil.which(program) is None]
    install(" ".join(missing).split(), "the toolchain", lambda sentence: print(f"firmware: {sentence}", flush=True))
    port = source / "ports" / "stm32"
    folder, output = cache_folder() / f"board-{plan.board}", cache_folder() / f"build-{plan.board}"
    write_files(folder, board_files(plan, port / "boards" / LIKE))
    jobs = f"-j{os.cpu_count() or 1}"
    environment = dict(os.environ)
    if not (source / "mpy-cross" / "build" / "mpy-cross").is_file():
        run(["make", "-C", "mpy-cross", jobs], source, environment, "mpy-cross")
    print("firmware: compiling, some two minutes when nothing is compiled yet", flush=True)
    run(["make", jobs, "BOARD=VUZOL", f"BOARD_DIR={folder}", f"BUILD={output}"], port, environment, "the compiler")
    fresh = image.folder.with_suffix(f".{os.getpid()}")
    fresh.mkdir(parents=True)
    shutil.copyfile(output / "firmware.elf", fresh / "firmware.elf")
    elf_to_bin = ["arm-none-eabi-objcopy", "-O", "binary", "firmware.elf", "firmware.bin"]
    run([*elf_to_bin, "--remove-section", ".isr_vector"], fresh, environment, "objcopy")
    (fresh / "image.json").write_text(f'{{"board": "{plan.board}"}}\n')
    shutil.rmtree(image.folder, ignore_errors=True)
    fresh.rename(image.folder)


def board_files(plan: ImagePlan, like: Path) -> Mapping[str, bytes]:
    """The board as MicroPython's build wants it: its own one, with our start modules and a manifest."""
    names = sorted([*plan.frozen, "frozen_fonts.py"])
    manifest = ['include("$(MPY_DIR)/extmod/asyncio")']
    manifest += [f'freeze("$(BOARD_DIR)/frozen", "{name}")' for name in names]
    files = {
        "mpconfigboard.h": CONFIG.encode(),
        "mpconfigboard.mk": MAKE.encode(),
        "stm32f4xx_hal_conf.h": f'#include "boards/{LIKE}/stm32f4xx_hal_conf.h"\n'.encode(),
        "pins.csv": (like / "pins.csv").read_bytes(),
        "manifest.py": ("\n".join(manifest) + "\n").encode(),
        "frozen/frozen_fonts.py": fonts_module({name: path.read_bytes() for name, path in plan.fonts.items()}),
    }
    return files | {f"frozen/{name}": path.read_bytes() for name, path in plan.frozen.items()}
