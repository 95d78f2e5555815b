"""The hand on an air post that runs: weather, door, switch, plugs; from any thread.
It must never know what the node makes of them.
Specification: emulation/README.md.
"""

from emulation.lanes import LaneNode
from emulation.peripherals.air_post import PostSensors
from emulation.peripherals.weather import Weather


class AirControl:
    def __init__(self, node: LaneNode, post: PostSensors) -> None:
        self._node = node
        self._post = post

    @property
    def weather(self) -> Weather:
        """Change its fields: one assignment each, no need to go through the node."""
        return self._post.weather

    def unplug(self, sensor: str) -> None:
        """pms5003, bme280, or a converter by its number from 0."""
        self._node.call(lambda: self._post.plug(sensor, False))

    def plug(self, sensor: str) -> None:
        self._node.call(lambda: self._post.plug(sensor, True))

    def open_door(self) -> None:
        self._post.door.let_go()

    def shut_door(self) -> None:
        self._post.door.hold()

    def maintain(self, on: bool) -> None:
        """The switch inside the door."""
        if on:
            self._post.maintenance_switch.hold()
        else:
            self._post.maintenance_switch.let_go()

    def inject(self, data: bytes) -> None:
        """Any bytes on the particle sensor's line."""
        sensor = self._post.pms5003
        assert sensor is not None, "this post's particle sensor is no PMS5003"
        self._node.call(lambda: sensor.inject(data))

    def make_noise(self, gas: str, millivolts: float) -> None:
        """A bad contact at a cell's working electrode."""
        self._post.cells[gas].noise_uv = millivolts * 1000
