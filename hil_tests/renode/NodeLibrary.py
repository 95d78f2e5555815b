"""Robot keywords: a node's surroundings for the machine that renode-test runs; what a person does to it, and sees.

Never starts Renode and never knows a chip: the handle is the one that the pytest suite has.
Specification: hil_tests/README.md, "Renode"; Robot Framework's user guide, "Creating test libraries".
"""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import cast

from robot.api.deco import keyword, library

from emulation.lanes import NodeOrder
from emulation.launch import NodeHandle, start
from emulation.renode.lane import RenodeNode
from emulation.renode.namespace import HOST
from emulation.town import TownPlan
from emulation.town.setting import prepare
from hil_tests.conftest import Controller, eventually, free_port
from hil_tests.target import settings_of

BOARD = "nucleo_f429zi"
NOTICED_S = 90.0


class TestedNode(RenodeNode):
    """Its chip is run by renode-test: power is what the robot's script does with the commands."""

    def power_on(self) -> None:
        self.wiring.power(True)

    def power_off(self) -> None:
        self.wiring.power(False)


@library(scope="TEST")
class NodeLibrary:
    def __init__(self) -> None:
        self._ends = ExitStack()
        self._node: NodeHandle | None = None
        self._lane: RenodeNode | None = None
        self._controller: Controller | None = None
        self._name = ""

    @keyword
    def prepare_node(self, kind: str) -> list[str]:
        """A lone node of that kind; what has to be typed at the monitor to have it run."""
        return self._prepare(kind, settings_of(kind, BOARD))

    @keyword
    def prepare_validator_in_a_city(self) -> list[str]:
        """The same, with a controller and its broker at the other end of the cable."""
        ports = free_port(), free_port()
        setting = prepare(TownPlan(validators=1, displays=0), self._folder(), ports, lambda *_: None)
        text = setting.config.read_text(encoding="utf-8")
        setting.config.write_text(text.replace("[mqtt]\n", f'[mqtt]\nhost = "{HOST}"\n'), encoding="utf-8")
        self._controller = Controller(setting.config, ports[0])
        self._ends.callback(self._controller.stop)
        self._controller.start()
        (node,) = setting.nodes
        self._name = node.name
        uplink = {**node.settings["uplink"], "host": HOST}
        return self._prepare(node.kind, {**node.settings, "uplink": uplink})

    @keyword
    def end_node(self) -> None:
        self._ends.close()

    @keyword
    def present_card(self, card: str) -> None:
        self._of_node().present(card)

    @keyword
    def light_should_turn(self, colour: str, timeout_s: float = 20.0) -> None:
        self._of_node().wait_light(colour, timeout_s)

    @keyword
    def text_should_be_on_the_glass(self, timeout_s: float = 20.0) -> None:
        """Some pixels are lit and some are not: a display without arrivals says so."""
        node = self._of_node()
        node.wait_until(lambda: 0 < sum(map(sum, node.picture())) < len(node.picture()) * 64, timeout_s, "text")

    @keyword
    def controller_should_see_the_node(self, online: bool = True) -> None:
        """A node whose cable was pulled is gone when its broker has missed it for 1.5 times its keep-alive."""
        controller = self._of_city()
        eventually(f"the node, online: {online}", lambda: controller.is_online(self._name) == online, NOTICED_S)

    @keyword
    def controller_should_have_more_records(self, than: int = 0) -> int:
        """How many it has then. A record goes up once: the node keeps it until its receipt has come."""
        controller = self._of_city()
        return int(eventually("a record", lambda: self._more(len(controller.records(self._name)), than)))

    def _more(self, count: int, than: int) -> int:
        return count if count > than else 0

    def _prepare(self, kind: str, settings: dict[str, object]) -> list[str]:
        def tested(order: NodeOrder) -> RenodeNode:
            self._lane = TestedNode(order)
            return self._lane

        self._node = self._ends.enter_context(start(BOARD, kind, settings, self._folder(), lane=tested))
        return cast(RenodeNode, self._lane).commands()

    def _folder(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="vuzol-"))
        self._ends.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _of_node(self) -> NodeHandle:
        if self._node is None:
            raise AssertionError("no node was prepared")
        return self._node

    def _of_city(self) -> Controller:
        if self._controller is None:
            raise AssertionError("no city was prepared")
        return self._controller
