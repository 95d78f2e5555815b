"""Compiles the RP2040 emulator for this very Python, from the C sources in its wheel: some 2.5 times faster.
It must never be needed: without a compiler or Python's headers the wheel's own modules do the same, to the bit.
Specification: rp2040py's setup.py (the wheel is built for the stable ABI); PEP 3149 (which module is found first).

    python -m tools.native_emulator
"""

import importlib.util
import os
import shutil
import subprocess
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.errors import DONE

PACKAGE = "rp2040py.native"
FLAGS = ("-O3", "-fPIC", "-shared", "-fwrapv", "-DNDEBUG", "-w")


def sources() -> list[Path]:
    """The package is found without loading it."""
    top = importlib.util.find_spec(PACKAGE.partition(".")[0])
    folders = top.submodule_search_locations if top is not None else None
    return sorted(Path(folders[0], "native").glob("_*.c")) if folders else []


def compiled(source: Path) -> Path:
    return source.with_suffix(str(sysconfig.get_config_var("EXT_SUFFIX")))


def compile_one(compiler: str, include: Path, source: Path, module: Path) -> bool:
    command = [compiler, *FLAGS, f"-I{include}", str(source), "-o", str(module)]
    return subprocess.run(command, check=False).returncode == 0


def main() -> int:
    modules = {source: compiled(source) for source in sources()}
    compiler, include = shutil.which("cc"), Path(sysconfig.get_path("include"))
    if all(module.exists() for module in modules.values()):
        return DONE
    if compiler is None or not (include / "Python.h").is_file():
        print("emulator: slower than it could be; to have it compiled, type: sudo apt-get install gcc python3-dev")
        return DONE
    print(f"emulator: compiling {len(modules)} modules for this Python, some twenty seconds", flush=True)
    fresh = {source: module.with_suffix(f".{os.getpid()}") for source, module in modules.items()}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(lambda source: compile_one(compiler, include, source, fresh[source]), fresh))
    for source, module in fresh.items():  # all or none: they call each other
        if all(done):
            module.rename(modules[source])
        else:
            module.unlink(missing_ok=True)
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
