"""The stop display: shows the arrivals that the controller sends, counts them down, and proves what is on the glass.

Never asks for arrivals and never invents one: what is old is marked, what is missing is said.
Specification: protocols/schema/stop_display.py; design, domain.md "Stop display".
"""

from firmware import fonts, local_time
from firmware.bell import Bell
from firmware.drivers.font import Font
from firmware.drivers.max7219 import Max7219Panel
from firmware.messages import texts
from firmware.nodes.arrival_board import ArrivalBoard
from firmware.nodes.board_painter import BoardPainter, fonts_for
from firmware.settings import multiple, one_of, text, whole
from protocols.wire.messages import result, show_arrivals, shown_on_glass
from protocols.wire.picture import Picture

CONFIG = (  # name, check, default
    ("width", multiple(8, 64, 384), None),
    ("height", multiple(8, 32, 64), None),
    ("stop_name", text, None),
    ("brightness", whole(0, 15), 8),
    ("utc_offset_min", whole(-720, 840), 120),  # Kyiv's
    ("summer_time", one_of("europe", "none"), "europe"),
    ("picture_s", whole(1, 86_400), 10),  # pictures of a mere countdown are not sent more often
    ("status_s", whole(1, 86_400), 30),
)
KEPT_KINDS = ()  # all that a display records is telemetry: in a long outage the oldest is given up
COMMAND_KINDS = (show_arrivals.KIND,)
ENDING_KINDS = (shown_on_glass.KIND,)  # records that end a command

LOOK_MS = 1_000
FIRST_BOARD_MS = 300_000  # for so long after the start a display without a board is still starting
NO_COMMAND = 0


class StopDisplay:
    def __init__(self, config, language, panel, painter, services):
        self._config = config
        self._texts = texts(language)
        self._panel = panel
        self._painter = painter
        self._clock = services.clock
        self._journal = services.journal
        self._offer_picture = services.offer_picture
        self._board = None
        self._command_id = NO_COMMAND  # of a board that is not yet on the glass
        self._wanted = Bell()
        self._on_glass = None  # what was painted last
        self._board_taken_ms = None
        self._mode = shown_on_glass.MODE_BLANK
        self._rows = 0
        self._picture_sent_ms = 0
        self._picture_crc = None

    def tasks(self):
        """(name, coroutine function of `beat`, seconds without a beat that are too long)"""
        return (("panel", self.show, 10),)

    def is_idle(self):
        """Whether nobody minds a pause of some tens of milliseconds."""
        return not self._wanted.has_rung

    def execute(self, command):
        """Take a new board; its result is the shown_on_glass record. Raises MalformedFrame."""
        if self._board is None:
            self._board = ArrivalBoard(self._texts, self._clock_text)
        self._board.take(command.body, self._clock.utc_s())
        self._board_taken_ms = self._clock.monotonic_ms()
        if self._command_id:  # never on the glass: this one came at once behind it
            ended = result.Result(self._command_id, result.OUTCOME_REFUSED, result.REASON_SUPERSEDED)
            self._journal.note(result, ended)
        self._command_id = command.command_id
        self._wanted.ring()

    def live(self):
        """The values of protocols/wire/live/stop_display.py."""
        taken_ms = self._board_taken_ms
        return (
            self._mode,
            self._rows,
            None if taken_ms is None else (self._clock.monotonic_ms() - taken_ms) // 1000,
            self._panel.crc(),
            self._panel.width,
            self._panel.height,
            self._config["brightness"],
        )

    async def show(self, beat):
        """Once a second, and at once when a board comes: paint what has changed and prove it."""
        self._panel.open()
        self._panel.intensity(self._config["brightness"])
        while True:
            beat()
            self._refresh()
            await self._wanted.wait_ms(LOOK_MS)

    def _refresh(self):
        mode, self._rows, paint = self._wanted_on_glass()
        if paint != self._on_glass:
            self._on_glass = paint
            if mode == shown_on_glass.MODE_STARTING:
                self._painter.paint_text(paint[0])
            else:
                self._painter.paint_board(*paint)
        self._panel.show()
        if self._command_id or mode != self._mode:
            self._prove(mode)
        else:
            self._send_picture(self._config["picture_s"] * 1000)

    def _wanted_on_glass(self):
        """(mode, number of arrivals, what the painter needs)"""
        now_s = self._clock.utc_s()
        if self._board is None and self._clock.monotonic_ms() < FIRST_BOARD_MS:
            return shown_on_glass.MODE_STARTING, 0, (self._texts["starting"],)
        clock = "" if now_s is None else self._clock_text(now_s)
        if self._board is None:
            return shown_on_glass.MODE_NO_DATA, 0, (self._config["stop_name"], clock, [], self._texts["no_data"])
        view = self._board.view(now_s)
        notice = self._texts["no_data"] if view.no_data else ""
        mode = shown_on_glass.MODE_NO_DATA if view.no_data else shown_on_glass.MODE_ARRIVALS
        rows = view.rows[: self._painter.capacity(notice)]
        return mode, len(rows), (self._config["stop_name"], clock, rows, notice)

    def _prove(self, mode):
        """A record with the CRC of what is on the glass, and the picture itself."""
        shown = shown_on_glass.ShownOnGlass(
            self._command_id,
            mode,
            self._rows,
            self._panel.crc(),
            self._panel.width,
            self._panel.height,
            self._config["brightness"],
        )
        self._journal.note(shown_on_glass, shown)
        self._command_id = NO_COMMAND
        self._mode = mode
        self._send_picture(0)

    def _send_picture(self, not_before_ms):
        """Offer the picture if it is another one and the last was sent so long ago."""
        crc = self._panel.crc()
        now_ms = self._clock.monotonic_ms()
        if crc == self._picture_crc or now_ms - self._picture_sent_ms < not_before_ms:
            return
        self._picture_crc = crc
        self._picture_sent_ms = now_ms
        self._offer_picture(Picture(self._panel.width, self._panel.height, bytes(self._panel.buffer)))

    def _clock_text(self, utc_s):
        return local_time.clock_text(utc_s, self._config["utc_offset_min"], self._config["summer_time"] == "europe")


def create(hal, settings, services):
    """A stop display on the roles of a board."""
    panel, painter = _panel_and_painter(hal, settings.config)
    return StopDisplay(settings.config, settings.language, panel, painter, services)


def show_fault(hal, config, language):
    """Say on the glass that there are no settings, as far as they tell how large the glass is."""
    panel, painter = _panel_and_painter(hal, config)
    painter.paint_text(texts(language)["no_settings"])
    panel.open()


def _panel_and_painter(hal, config):
    spi, chip_select = hal.panel_bus()
    panel = Max7219Panel(spi, chip_select, config["width"], config["height"])
    row_name, header_name = fonts_for(config["width"])
    row_font = _open_font(row_name)
    header_font = row_font if header_name == row_name else _open_font(header_name)
    return panel, BoardPainter(panel, row_font, header_font)


def _open_font(name):
    font = Font(fonts.path(name))
    font.open()
    return font
