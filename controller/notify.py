"""What the service manager is told: that we are ready, that we still turn, that we stop.

Never blocks and never fails: without a service manager nothing is said.
Specification: sd_notify(3); WatchdogSec of deploy/*.service.
"""

import asyncio
import contextlib
import os
import socket

FEEDS_A_LIMIT = 3


def tell(state: str) -> None:
    """READY=1, STOPPING=1, WATCHDOG=1."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.setblocking(False)
        manager.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


async def keep_fed() -> None:
    """Feed the watchdog for as long as the event loop turns; for ever."""
    limit_us = os.environ.get("WATCHDOG_USEC", "")
    pause_s = int(limit_us) / 1e6 / FEEDS_A_LIMIT if limit_us.isdigit() else 3600.0
    while True:
        tell("WATCHDOG=1")
        await asyncio.sleep(pause_s)
