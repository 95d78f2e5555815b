"""The composition root: settings, then the board's roles, then the node; everything that a node is made of meets here.

Never knows what a kind of node does: firmware/nodes/<kind>.py does, found by the name in the settings.
Specification: firmware/README.md.
"""

import asyncio
import gc
import os
import sys
from collections import namedtuple

from firmware import settings
from firmware.bell import Bell
from firmware.boot import WATCHDOG_MS, board
from firmware.boot_record import BootRecord
from firmware.clock import Clock
from firmware.documents import Documents
from firmware.drivers.rgb_light import RgbLight
from firmware.health import Health
from firmware.journal import FlashFault, Journal, JournalFull
from firmware.publishers import Publishers
from firmware.supervisor import Supervisor
from firmware.update import Updates
from firmware.update_store import Target, UpdateStore
from firmware.version import FIRMWARE
from protocols.wire import picture, state, topics
from protocols.wire.errors import MalformedFrame
from protocols.wire.manifest import IMAGE
from protocols.wire.messages import boot, event, result
from protocols.wire.node_kinds import kind_id
from protocols.wire.record import CLOCK_RECEIPT
from protocols.wire.session import Session, TimeTold

IDLE_MS = 2_000
STEP_MS = 10
LINK_STALE_S = 90
LOOK_AT_SETTINGS_MS = 3_000
BLINK_MS = 500

Services = namedtuple("Services", ("clock", "journal", "health", "offer_picture", "documents"))
Carried = namedtuple("Carried", ("clock", "session", "take", "live", "identity"))  # what a link carries


def kind_module(kind):
    """firmware/nodes/<kind>.py; only that one is loaded."""
    return __import__("firmware.nodes." + kind, None, None, ("create",))


def link_module(transport):
    """firmware/comms/<transport>_link.py; only that one is loaded: a board without a network has no sockets."""
    return __import__("firmware.comms." + transport + "_link", None, None, ("create",))


async def provisioned(hal):
    """The settings, as soon as they can be used; until then people are told, and the file is read again and again."""
    told = ""
    light = RgbLight(*hal.light())
    while True:
        try:
            return settings.read(hal.settings_path(), lambda kind: kind_module(kind).CONFIG), told
        except settings.SettingsFault as fault:
            if fault.sentence != told:
                print("no settings:", fault.sentence)
                show_no_settings(hal, fault.known)
                told = fault.sentence
        await blink(light, LOOK_AT_SETTINGS_MS)


def show_no_settings(hal, known):
    """On the glass, if the file says that much; the light blinks anyway."""
    try:
        module = kind_module(known["kind"])
        config = settings.table("config", known.get("config"), module.CONFIG)
        module.show_fault(hal, config, known.get("language"))
    except (AttributeError, ImportError, KeyError, TypeError, ValueError):
        pass  # this kind has no glass, or the file does not say how large it is


async def blink(light, for_ms):
    """White, half a second on and half a second off: this node has no settings."""
    for _ in range(for_ms // (2 * BLINK_MS)):
        for colour in ("white", "off"):
            light.set(colour)
            await asyncio.sleep_ms(BLINK_MS)


class Node:
    """One provisioned node, from boot to reset; `running` and `image` as in start()."""

    def __init__(self, hal, provided, running, image):
        module = kind_module(provided.kind)
        self._hal = hal
        self._settings = provided
        self._clock = Clock()
        self._journal = Journal(
            hal.journal_flash(),
            self._clock.stamp,
            module.KEPT_KINDS,
            getattr(module, "ENDING_KINDS", ()),
            provided.journal_epoch,
        )
        slots = board("slots")
        record = BootRecord(slots.boot_flash())
        target = Target(slots.NAME, kind_id(provided.kind), image)
        self._documents = Documents(
            hal.documents_flash(),
            self._journal,
            jitter,
            Publishers(provided.publishers, provided.revoked),
            UpdateStore(record, slots.slot_flash, running, target),
        )
        self._session = Session(
            provided.key, provided.node, self._journal, module.COMMAND_KINDS, jitter, self._documents
        )
        identity = (provided.kind, FIRMWARE, topics.node_name(provided.node))
        carried = Carried(self._clock, self._session, self._take, self._live, identity)
        self._link = link_module(provided.uplink["transport"]).create(hal, provided, carried)
        if self._link.is_asked:
            self._documents.spacing_ms = 0
        self._supervisor = Supervisor(self._clock, hal.watchdog(WATCHDOG_MS))
        self._health = Health(self._clock, self._journal, self._session, self._link, self._supervisor)
        self._updates = Updates(record, running, self._documents, self._health, hal.reset)
        services = Services(self._clock, self._journal, self._health, self._offer_picture, self._documents)
        self._app = module.create(hal, provided, services)
        self._work = Bell()  # of the documents

    async def run(self, settings_fault):
        """Recover the journal, open a new boot, start the tasks. Never returns."""
        self._journal.open()
        self._record_boot()
        for command_id in list(self._journal.commands.unfinished):
            self._finish(command_id, result.OUTCOME_FAILED, result.REASON_INTERRUPTED)
        self._documents.open()
        self._updates.open()
        self._documents.on_work = self._work.ring
        if settings_fault:
            self._health.event(event.CODE_SETTINGS_FAULT, settings_fault, event.SEVERITY_WARNING)
        self._journal.on_append = self._link.wake
        self._link.will = self._state(state.OFFLINE)
        self._link.online = self._state(state.ONLINE)
        for name, start, stale_s in self._app.tasks():
            self._supervisor.own(name, start, stale_s)
        self._supervisor.own("link", self._link.run, LINK_STALE_S)
        self._supervisor.own("documents", self._keep_documents, 15)
        self._supervisor.own("housekeeping", self._keep_house, 15)
        await self._supervisor.run()

    def _record_boot(self):
        journal = self._journal
        cause = reset_cause(self._hal)
        if cause == boot.RESET_CAUSE_REQUESTED and self._updates.on_trial():
            cause = boot.RESET_CAUSE_UPDATE
        opened = boot.Boot(
            journal.boot_id,
            kind_id(self._settings.kind),
            FIRMWARE,
            cause,
            journal.depth,
            self._settings.crc,
        )
        try:
            journal.append(boot, opened)
        except (JournalFull, FlashFault) as fault:
            print("boot not recorded:", type(fault).__name__)
        print("node", topics.node_name(self._settings.node), self._settings.kind, "boot", journal.boot_id)
        print("journal: last", journal.last_seq, "waiting", journal.depth, "free sectors", journal.free_sectors)

    async def _keep_house(self, beat):
        """What is done while nothing else is: erase ahead, status records."""
        status_due_ms = 0
        while True:
            beat()
            if self._app.is_idle():
                self._journal.idle()
            self._health.look_at_journal()
            now_ms = self._clock.monotonic_ms()
            if now_ms >= status_due_ms:
                status_due_ms = now_ms + self._settings.config["status_s"] * 1000
                self._health.record_status()
            may_restart = self._app.is_idle() and not self._journal.depth
            self._updates.look(now_ms, self._session.receipts, self._supervisor.restarts, may_restart)
            await asyncio.sleep_ms(min(IDLE_MS, status_due_ms - now_ms))

    async def _keep_documents(self, beat):
        """Erase for the next document and verify the last one, a step at a time while nothing else is to do."""
        while True:
            beat()
            if self._app.is_idle() and self._documents.work():
                self._link.wake()
                await asyncio.sleep_ms(STEP_MS)
            else:
                await self._work.wait_ms(IDLE_MS)

    def _take(self, happened):
        """What the session says: the controller's time, or a command, which always ends in a result (G6)."""
        if isinstance(happened, TimeTold):
            self._health.time_told(CLOCK_RECEIPT, happened.time_ms)
            return
        try:
            if self._app.execute(happened):
                self._finish(happened.command_id, result.OUTCOME_DONE, result.REASON_NONE)
        except MalformedFrame:
            self._finish(happened.command_id, result.OUTCOME_REFUSED, result.REASON_MALFORMED_BODY)
        except Exception as error:
            sys.print_exception(error)
            self._finish(happened.command_id, result.OUTCOME_FAILED, result.REASON_FAULT)

    def _finish(self, command_id, outcome, reason):
        self._journal.note(result, result.Result(command_id, outcome, reason))

    def _state(self, what):
        told = state.State(what, kind_id(self._settings.kind), FIRMWARE)
        return state.build(self._settings.key, self._settings.node, self._journal.boot_id, told)

    def _live(self):
        """Registers for any Modbus client: protocols/wire/registers.py."""
        return (kind_id(self._settings.kind),) + self._health.live(), self._app.live()

    def _offer_picture(self, shown):
        self._link.offer(picture.build(self._settings.key, self._settings.node, self._journal.boot_id, shown))


def reset_cause(hal):
    """A boot record's reset_cause of machine's: 1 power, 2 asked for, 3 watchdog (the unix board's numbers)."""
    causes = {1: boot.RESET_CAUSE_POWER_ON, 2: boot.RESET_CAUSE_REQUESTED, 3: boot.RESET_CAUSE_WATCHDOG}
    return causes.get(hal.reset_cause(), boot.RESET_CAUSE_UNKNOWN)


def jitter():
    """0 to 255 by chance."""
    return os.urandom(1)[0]


async def main(running=None, image=IMAGE):
    """From power on to the next reset."""
    hal = board("hal")
    provided, settings_fault = await provisioned(hal)
    node = Node(hal, provided, running, image)
    gc.threshold(-1)  # what is loaded is loaded: boot.py
    await node.run(settings_fault)


def start(running, image):
    """What boot.py calls: the slot that these modules come from, None for the image's own; the level of that image."""
    asyncio.run(main(running, image))
