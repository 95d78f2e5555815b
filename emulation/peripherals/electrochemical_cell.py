"""A four-electrode electrochemical cell on its board: the voltages of both electrodes in the weather round it.
It must never know how a driver takes them apart; what came with the cell in print is its `Sheet`.
Specification: Alphasense AAN 803-05: both electrodes carry a background that follows the temperature, n(T) times as
large on the working electrode; only that one sees gas, its own and some of another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulation.peripherals.weather import Weather

TABLE_FROM_C, TABLE_STEP_C = -30.0, 10.0


@dataclass(frozen=True)
class Sheet:
    """The sheet of one cell, in the units of Alphasense's; n from -30 to 50 °C."""

    gas: str
    we_electronic_mv: float
    ae_electronic_mv: float
    ae_zero_mv: float
    sensitivity_mv_ppb: float
    n: tuple[float, ...]
    cross_mv_ppb: Mapping[str, float] = field(default_factory=dict)


# Zeros and sensitivities as on sheets of real cells, n(T) of AAN 803-05, table 3; there is none for NH3.
SHEETS = {
    sheet.gas: sheet
    for sheet in (
        Sheet("no2", 292, 298, 2, -0.277, (1.3, 1.3, 1.3, 1.3, 1.0, 0.6, 0.4, 0.2, -1.5)),
        Sheet("so2", 266, 263, 2, 0.355, (1.6, 1.6, 1.6, 1.6, 1.6, 1.6, 1.9, 3.0, 5.8)),
        Sheet("no", 309, 308, 4, 0.402, (2.9, 2.9, 2.2, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3)),
        Sheet("co", 249, 253, 1, 0.239, (0.7, 0.7, 0.7, 0.7, 1.0, 3.0, 3.5, 4.0, 4.5)),
        Sheet("o3", 400, 401, 3, -0.363, (0.9, 0.9, 1.0, 1.3, 1.5, 1.7, 2.0, 2.5, 3.7), {"no2": -0.297}),
        Sheet("h2s", 245, 251, 3, 1.425, (-0.6, -0.6, 0.1, 0.8, -0.7, -2.5, -2.5, -2.2, -1.8)),
        Sheet("nh3", 300, 300, 2, 0.8, (1.0,) * 9),
    )
}


class ElectrochemicalCell:
    """`noise_uv` is added to the working electrode, up and down in turn: a bad contact, a radio near by."""

    def __init__(self, sheet: Sheet, weather: Weather) -> None:
        self._sheet = sheet
        self._weather = weather
        self._up = False
        self.noise_uv = 0.0

    def working_uv(self) -> float:
        sheet, weather = self._sheet, self._weather
        above_mv = self._n() * self._background_mv() + weather.gases_ppb[sheet.gas] * sheet.sensitivity_mv_ppb
        above_mv += sum(weather.gases_ppb[gas] * mv_ppb for gas, mv_ppb in sheet.cross_mv_ppb.items())
        self._up = not self._up
        return (sheet.we_electronic_mv + above_mv) * 1000 + (self.noise_uv if self._up else -self.noise_uv)

    def auxiliary_uv(self) -> float:
        return (self._sheet.ae_electronic_mv + self._background_mv()) * 1000

    def _background_mv(self) -> float:
        """It doubles each 20 °C."""
        return float(self._sheet.ae_zero_mv * 2 ** ((self._weather.temperature_c - 20) / 20))

    def _n(self) -> float:
        at = (self._weather.temperature_c - TABLE_FROM_C) / TABLE_STEP_C
        at = min(max(at, 0.0), len(self._sheet.n) - 1)
        index = min(int(at), len(self._sheet.n) - 2)
        return self._sheet.n[index] + (self._sheet.n[index + 1] - self._sheet.n[index]) * (at - index)
