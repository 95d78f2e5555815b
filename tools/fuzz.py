"""Coverage-guided fuzzing of the parsers with atheris: `make fuzz`, a process a target, until its time is over.

Never imports what it fuzzes by name in its code: the tables of targets are found at run time, and instrumented.
Specification: github.com/google/atheris; protocols/tests/fuzz_targets.py, fuzz_host_targets.py for the targets.
"""

import argparse
import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.errors import DONE, NO, WRONG_USE

TABLES = ("protocols.tests.fuzz_targets", "protocols.tests.fuzz_host_targets")
ROOT = Path(__file__).resolve().parents[1]
FOUND = ROOT / "build" / "fuzz"
RSS_LIMIT_MB = 512
MAX_INPUT = 8192
INPUT_TIMEOUT_S = 10


def names() -> list[str]:
    """Every target."""
    return [name for table in TABLES for name, _, _ in importlib.import_module(table).TARGETS]


def throw(wanted: str, options: list[str]) -> None:
    """Fuzz one target in this process; atheris ends it."""
    atheris = importlib.import_module("atheris")  # it carries no types
    with atheris.instrument_imports(include=["protocols"]):
        tables = [importlib.import_module(table) for table in TABLES]
    outcome = tables[0].outcome
    target, seeds = next((target, seeds) for table in tables for name, target, seeds in table.TARGETS if name == wanted)
    with tempfile.TemporaryDirectory(prefix="vuzol-fuzz-") as corpus:
        for number, seed in enumerate(seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *options, corpus], lambda data: outcome(target, data) and None)
        atheris.Fuzz()


def fuzz(name: str, seconds: int) -> bool:
    """True when nothing was found; what was found stands in build/fuzz."""
    FOUND.mkdir(parents=True, exist_ok=True)
    prefix = f"{FOUND}/{name.replace(' ', '_')}-"
    options = [
        f"-max_total_time={seconds}", f"-rss_limit_mb={RSS_LIMIT_MB}", f"-max_len={MAX_INPUT}",
        f"-timeout={INPUT_TIMEOUT_S}", f"-artifact_prefix={prefix}", "-print_final_stats=1",
    ]  # fmt: skip
    command = [sys.executable, "-m", "tools.fuzz", "--one", name, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    told = done.stdout + done.stderr
    runs = told.rpartition("stat::number_of_executed_units:")[2].split()
    if done.returncode == 0 and runs:
        print(f"{name:24} {int(runs[0]):>10} inputs, nothing found", flush=True)
        return True
    what = told.partition("Uncaught Python exception: ===")[2].partition("====")[0].strip() or told[-1000:]
    print(f"{name:24} FOUND SOMETHING, its input is {prefix}*:\n{what}", flush=True)
    return False


def main(arguments: list[str]) -> int:
    """The exit status: 1 when something was found."""
    if arguments[:1] == ["--one"]:
        throw(arguments[1], arguments[2:])
        return DONE
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=20, help="for each target (20)")
    parser.add_argument("--only", help="one target")
    options = parser.parse_args(arguments)
    chosen = [name for name in names() if options.only in (None, name)]
    if not chosen:
        print(f"fuzz: there is no target {options.only!r}; there are: {', '.join(names())}", file=sys.stderr)
        return WRONG_USE
    found = [name for name in chosen if not fuzz(name, options.seconds)]
    return NO if found else DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
