"""A node's link to real brokers: nats-server's MQTT gateway and mosquitto, killed and restarted, silent and hostile.

It must never open what it carries: the desk does.
Spec: firmware/comms/mqtt_link.py; MQTT 3.1.1; protocol.md, "MQTT".
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from emulation.launch import NodeHandle
from firmware.tests.conftest import Broker, Desk, journalled, press, settings_of, wait_for
from protocols.wire import journal_format, state
from protocols.wire.messages import boot, cash, status

Launch = Callable[..., NodeHandle]
both_brokers = pytest.mark.parametrize("broker", ["nats-server", "mosquitto"], indirect=True)


def reconciled(node: NodeHandle, desk: Desk) -> bool:
    """Journalled, receipted and stored are the same."""
    image = journal_format.read_image(node.flash_image())
    return bool(desk.stored.pairs() == [(1, len(image.records))] and image.receipted == len(image.records))


@both_brokers
def test_records_arrive_and_receipts_free_them(launch: Launch, broker: Broker, desk: Desk) -> None:
    node = launch("fare_validator", settings_of("fare_validator", broker.port))
    desk.wait_for(boot.KIND)
    press(node)
    desk.wait_for(cash.KIND)
    wait_for(lambda: reconciled(node, desk), 10, "the ledger")
    assert desk.repeated == 0


@both_brokers
def test_a_node_is_online_when_it_listens_and_offline_when_its_power_is_cut(
    launch: Launch, broker: Broker, desk: Desk
) -> None:
    node = launch("fare_validator", settings_of("fare_validator", broker.port))
    wait_for(lambda: desk.states == [state.ONLINE], 10, "online")
    node.cut_power()
    wait_for(lambda: desk.states == [state.ONLINE, state.OFFLINE], 10, "offline")
    late = Desk(broker.port)
    wait_for(lambda: late.states == [state.OFFLINE], 10, "the retained state")
    late.close()


@both_brokers
def test_a_broker_that_is_killed_and_restarted_costs_no_record(launch: Launch, broker: Broker, desk: Desk) -> None:
    node = launch("fare_validator", settings_of("fare_validator", broker.port))
    desk.wait_for(boot.KIND)
    press(node)
    broker.kill()
    press(node)
    press(node)
    broker.start()
    press(node)
    desk.wait_for(cash.KIND, 4, 40)
    wait_for(lambda: reconciled(node, desk), 20, "the ledger")
    assert node.restarts == 0


def test_a_silent_controller_gets_everything_again_until_it_answers(launch: Launch, broker: Broker, desk: Desk) -> None:
    desk.answers = False
    node = launch("fare_validator", settings_of("fare_validator", broker.port, status_s=1))
    desk.wait_for(status.KIND)
    wait_for(lambda: desk.repeated > 0, 15, "a repetition")
    desk.answers = True
    wait_for(lambda: reconciled(node, desk), 20, "the ledger")


class BadBroker:
    """Accepts connections and sends bytes that no broker sends."""

    def __init__(self, answer: Callable[[], bytes]):
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            with peer:
                try:
                    peer.recv(4096)
                    peer.sendall(self._answer())
                    time.sleep(0.1)
                except OSError:
                    continue


@pytest.fixture(params=["noise", "endless_length", "oversize", "refusal", "nothing"])
def bad_broker(request: pytest.FixtureRequest) -> Iterator[BadBroker]:
    greeting = b"\x20\x02\x00\x00\x90\x03\x00\x01\x01"
    answers: dict[str, Callable[[], bytes]] = {
        "noise": lambda: greeting + os.urandom(3000),
        "endless_length": lambda: greeting + b"\x30" + b"\xff" * 50,
        "oversize": lambda: greeting + b"\x32\xff\xff\xff\x7f" + bytes(100_000),
        "refusal": lambda: b"\x20\x02\x00\x05",
        "nothing": lambda: b"",
    }
    one = BadBroker(answers[request.param])
    yield one
    one.close()


def test_whatever_a_hostile_broker_sends_the_validator_serves_on(launch: Launch, bad_broker: BadBroker) -> None:
    node = launch("fare_validator", settings_of("fare_validator", bad_broker.port, status_s=1))
    node.wait_light("blue", 10)
    wait_for(lambda: bad_broker.connections >= 3, 15, "three connections")
    press(node)
    health = status.parse(journalled(node, status.KIND)[-1].body)
    assert health.task_restarts == 0
    assert node.restarts == 0
