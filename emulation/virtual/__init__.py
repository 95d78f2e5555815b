"""MicroPython nodes in virtual time."""

from emulation.virtual.lane import VirtualNode
from emulation.virtual.world import World

__all__ = ["VirtualNode", "World"]
