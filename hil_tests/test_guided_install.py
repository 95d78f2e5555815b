"""Who types no commands: `vuzol install` in a terminal asks in the person's language and leads to a green node."""

import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from emulation.plugged import plugged
from hil_tests.conftest import eventually
from hil_tests.test_install import Office

ROOT = Path(__file__).parents[1]
PATIENCE_S = 100
SEEN = ("Світло червоне?", "Світло зелене?", "Світло синє?", "Ви чули звук?")

pytestmark = [pytest.mark.needs("network", "port"), pytest.mark.timeout(300)]


class Terminal:
    """A person's terminal: what stands on it is read up to a question, which is answered."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._end, inside = pty.openpty()
        environment = environment | {"PYTHONPATH": str(ROOT), "TERM": "dumb", "COLUMNS": "200"}
        self._program = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=inside, stdout=inside, stderr=inside, start_new_session=True
        )
        os.close(inside)
        os.set_blocking(self._end, False)
        self.text = ""
        self._answered = 0

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        self._program.kill()
        self._program.wait()
        os.close(self._end)

    def answer(self, question: str, with_: str = "") -> str:
        """What was printed up to the question, which is answered."""
        eventually(question, lambda: self._read() and question in self.text[self._answered :], PATIENCE_S)
        told, self._answered = self.text[self._answered :], len(self.text)
        os.write(self._end, f"{with_}\n".encode())
        return told

    def end(self) -> int:
        eventually("the program has ended", lambda: self._read() and self._program.poll() is not None, PATIENCE_S)
        return self._program.returncode

    def _read(self) -> bool:
        with suppress(OSError):  # nothing new, or the program has ended
            self.text += os.read(self._end, 65536).decode()
        return True


def terminal(office: Office, port: str, language: str) -> Terminal:
    command = [sys.executable, "-m", "tools.cli", "install", "--port", port, "--lang", language]
    return Terminal(command, office.folder, office.environment)


def test_a_person_is_led_from_a_red_reader_to_a_green_node(tmp_path: Path) -> None:
    office = Office(tmp_path)
    office.make("--board", "unix", "--modbus", "tcp:17")
    office.make("--board", "unix", "--modbus", "tcp:18", "--name", "Трамвай 18")
    (tmp_path / "pole.jpg").write_bytes(b"a photo")
    with (
        plugged("unix", "fare_validator", tmp_path / "board") as board,
        terminal(office, board.port, "uk") as person,
    ):
        board.handle.unplug_reader()
        board.handle.gnss.move(49.99, 36.23)
        nodes = person.answer("Яким із них буде ця плата?", "2")
        assert "1  Трамвай 17" in nodes
        person.answer("Починаємо? [Т/н]", "так")
        for seen in SEEN:
            person.answer(seen, "т")
        person.answer("натисніть кнопку готівки", "н")
        red = person.answer("Спробувати ще раз?")
        assert f"✗ {board.port}  зчитувач карток  немає відповіді на I2C 0x24: SDA і SCL переплутано" in person.text
        assert f"? {board.port}  кнопка готівки  ніхто не рухав" in red
        assert "Що робити: виправте названу частину" in red
        board.handle.plug_reader()
        for seen in SEEN:
            person.answer(seen)
        person.answer("натисніть кнопку готівки", "т")
        board.handle.pass_time(1)
        board.handle.press(held_s=1.0)
        green = person.answer("Фото місця", "pole.jpg")
        assert f"✓ {board.port}  кнопка готівки" in green
        assert "ЗЕЛЕНЕ  Трамвай 18" in green
        assert person.end() == 0
        assert "vuzol report" in person.text, "it is signed, and waits for a network"


def test_who_says_no_has_changed_nothing(tmp_path: Path) -> None:
    office = Office(tmp_path)
    job = office.make("--board", "unix", "--modbus", "tcp:17")
    before = job.read_text()
    with (
        plugged("unix", "fare_validator", tmp_path / "board") as board,
        terminal(office, board.port, "en") as person,
    ):
        person.answer("Begin? [Y/n]", "n")
        assert person.end() == 0
    assert "fare_validator  Трамвай 17" in person.text
    assert (job.read_text(), (tmp_path / "board" / "settings.json").exists()) == (before, False)
