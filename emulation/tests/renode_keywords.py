"""Renode's own Robot keywords as far as our suites use them, by name and arguments: for a dry run, which calls none.

Specification: Renode's src/Renode/RobotFrameworkEngine and tests/renode-keywords.robot.
"""


def execute_command(command: str, machine: str = "") -> None: ...


def start_emulation() -> None: ...


def create_terminal_tester(uart: str, timeout: float = 0.0) -> None: ...


def wait_for_line_on_uart(content: str, timeout: float = 0.0) -> None: ...


def wait_for_prompt_on_uart(prompt: str, timeout: float = 0.0) -> None: ...


def send_key_to_uart(code: str) -> None: ...


def test_teardown() -> None: ...
