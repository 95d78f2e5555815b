"""Draws a board into a panel's canvas: what fits its size, in the largest font that leaves two rows or more.

Never counts time and never sends anything. Texts come ready; it cuts what is too long with an ellipsis.
Specification: design, domain.md "Stop display"; firmware/fonts/README.md.
"""

from firmware import fonts

HEADER_FROM_HEIGHT = 64
# from this width: (font of the rows, font of the header)
SIZES = (
    (384, fonts.SIGN_24_BOLD, fonts.SIGN_16_BOLD),
    (192, fonts.SIGN_16, fonts.SIGN_16_BOLD),
    (0, fonts.SIGN_12, fonts.SIGN_12),
)
SYMBOL_FROM_WIDTH = 128
LOW_FLOOR = "♿"
ELLIPSIS = "…"
MIN_GAP = 4  # pixels between columns


def fonts_for(width):
    """(font of the rows, font of the header) for a panel of that width."""
    return next(size[1:] for size in SIZES if width >= size[0])


class BoardPainter:
    """`panel` has width, height and a framebuf `canvas`; the fonts are open."""

    def __init__(self, panel, row_font, header_font):
        self._panel = panel
        self._row_font = row_font
        self._header_font = header_font
        self._has_header = panel.height >= HEADER_FROM_HEIGHT
        self._top = header_font.height if self._has_header else 0
        self._row_count = (panel.height - self._top) // row_font.height

    def capacity(self, notice):
        """How many arrivals can be shown beside that notice."""
        return self._row_count - (1 if notice and not self._has_header else 0)

    def paint_text(self, text):
        """One text in the middle of a dark panel, on two lines if it is too long for one."""
        self._panel.canvas.fill(0)
        font = self._row_font
        lines = [text]
        if font.width(text) > self._panel.width and " " in text:
            lines = text.split(" ", 1)
        y = (self._panel.height - len(lines) * font.height) // 2
        for line in lines:
            line = self._cut(font, line, self._panel.width)
            font.draw(self._panel.canvas, line, (self._panel.width - font.width(line)) // 2, y)
            y += font.height

    def paint_board(self, stop_name, clock, rows, notice):
        """At most capacity() rows; `notice` ("" for none) stands in the header, or in the last row without one."""
        self._panel.canvas.fill(0)
        if self._has_header:
            self._pair(self._header_font, 0, stop_name, notice or clock)
        elif not rows:
            self._pair(self._row_font, 0, stop_name, "")
        if notice and not self._has_header:
            self._pair(self._row_font, self.capacity(notice) * self._row_font.height, notice, "")
        if rows:
            self._rows(rows)

    def _rows(self, rows):
        widest = max([self._row_font.width(row.route) for row in rows])
        route_width = min(widest, self._panel.width // 3)
        y = self._top
        for row in rows:
            self._row(row, y, route_width)
            y += self._row_font.height

    def _row(self, row, y, route_width):
        font, canvas = self._row_font, self._panel.canvas
        words = row.words
        if row.low_floor and self._panel.width >= SYMBOL_FROM_WIDTH:
            words = LOW_FLOOR + " " + words
        right = self._panel.width - font.width(words)
        font.draw(canvas, words, right, y)
        font.draw(canvas, self._cut(font, row.route, route_width), 0, y)
        gap = max(MIN_GAP, font.height // 3)
        left = route_width + gap
        font.draw(canvas, self._cut(font, row.headsign, right - gap - left), left, y)

    def _pair(self, font, y, left, right):
        """One text from the left, cut to what the other at the right leaves."""
        start = self._panel.width - font.width(right)
        font.draw(self._panel.canvas, right, start, y)
        font.draw(self._panel.canvas, self._cut(font, left, start - (MIN_GAP if right else 0)), 0, y)

    def _cut(self, font, text, width):
        if font.width(text) <= width:
            return text
        keep = font.fit(text, width - font.width(ELLIPSIS))
        return text[:keep].rstrip() + ELLIPSIS if keep > 0 else ""
