"""The house itself: folders that explain themselves, targets that are listed, modules that stay small.
Knows names and sizes only, never what a module does.
Specification: README.md (map, import rule) and pyproject.toml (packages)."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["protocols", "boards", "firmware", "controller", "emulation", "hil_tests", "tools"]
ONE_SCREEN_LINES = 60
MODULE_LINES = 400
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "manager", "misc"}
GENERATED = "protocols/wire/messages"


def modules() -> list[Path]:
    """Every module that somebody wrote, relative to the root."""
    found = (path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path for path in found if not path.is_relative_to(GENERATED))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_top_level_folder_explains_itself_on_one_screen(package: str) -> None:
    lines = (ROOT / package / "README.md").read_text(encoding="utf-8").splitlines()
    assert 0 < len(lines) <= ONE_SCREEN_LINES, f"{package}/README.md has {len(lines)} lines"


def test_setuptools_and_the_import_rule_name_the_same_packages() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    packages = {name.split(".")[0] for name in config["setuptools"]["packages"]["find"]["include"]}
    assert packages == set(PACKAGES) == set(config["importlinter"]["root_packages"])
    assert all((ROOT / package / "__init__.py").is_file() for package in PACKAGES)


def test_protocols_init_is_empty_or_the_device_would_load_construct() -> None:
    assert (ROOT / "protocols" / "__init__.py").read_bytes() == b""


def test_make_alone_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    answer = subprocess.run(
        ["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True, check=True
    )
    listed = set(re.findall(r"^  ([a-z-]+) +\S", answer.stdout, re.MULTILINE))
    assert listed == declared


def test_the_readme_shows_the_commands_that_a_newcomer_types() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"make {target}" in readme for target in ("demo", "test", "check", "bench"))


def test_no_module_is_longer_than_its_concept() -> None:
    lengths = {str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {path: lines for path, lines in lengths.items() if lines > MODULE_LINES} == {}


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [str(path) for path in modules() if path.stem in NAMES_THAT_SAY_NOTHING] == []


def test_every_module_says_what_it_is() -> None:
    def has_docstring(path: Path) -> bool:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        return not tree.body or ast.get_docstring(tree) is not None

    assert [str(path) for path in modules() if not has_docstring(path)] == []


def test_the_vuzol_command_starts_without_the_controller_and_the_town() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, tools.cli; print(*sys.modules)"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert [name for name in loaded if name.split(".")[0] in {"controller", "emulation", "firmware"}] == []
