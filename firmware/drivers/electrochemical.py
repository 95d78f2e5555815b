"""Four-electrode electrochemical cells: from the voltages of working and auxiliary electrode to a concentration.

It must never read a voltage, and has no table of its own: every number comes from the calibration of that very cell.
Spec: Alphasense AAN 803-05, "Correcting for background currents in four electrode toxic gas sensors", tables 2 and 3.

    WE_c = (WE_u - WE_e) - n(T) (AE_u - AE_e)                      1    u: as measured, e: electronic zero,
    WE_c = (WE_u - WE_e) - k(T) (WE_o / AE_o) (AE_u - AE_e)        2    o: the cell's own zero in clean air
    WE_c = (WE_u - WE_e) - (WE_o - AE_o) - k'(T) (AE_u - AE_e)     3
    WE_c = (WE_u - WE_e) - WE_o - k''(T)                           4    k'' is a voltage
    concentration = (WE_c - sum of cross-sensitivity x concentration of the other gas) / sensitivity

All in integers, so that every board says the same. Small negative results are kept: to clip them would bias means.
"""

from collections import namedtuple

TABLE_FROM_CDEG = -3000
TABLE_STEP_CDEG = 1000
TABLE_POINTS = 9  # -30 to 50 °C
ALGORITHMS = (1, 2, 3, 4)

# gas: a name. *_uv: microvolts. sensitivity_nv: nV a ppb. table: TABLE_POINTS values, thousandths of n, k or k', or k''
# in microvolts. cross: ((gas, nV a ppb), …) of the gases that this cell sees too.
Cell = namedtuple(
    "Cell",
    (
        "gas",
        "algorithm",
        "we_electronic_uv",
        "ae_electronic_uv",
        "we_zero_uv",
        "ae_zero_uv",
        "sensitivity_nv",
        "table",
        "cross",
    ),
)


def in_table(temperature_cdeg: int) -> bool:
    """Whether the cells' tables reach to that temperature (0.01 °C)."""
    return TABLE_FROM_CDEG <= temperature_cdeg <= TABLE_FROM_CDEG + (TABLE_POINTS - 1) * TABLE_STEP_CDEG


def factor(table, temperature_cdeg: int) -> int:
    """The table's value at a temperature, linear between its points; beyond them, that of the nearest."""
    at = temperature_cdeg - TABLE_FROM_CDEG
    index = min(max(at // TABLE_STEP_CDEG, 0), TABLE_POINTS - 2)
    beyond = min(max(at - index * TABLE_STEP_CDEG, 0), TABLE_STEP_CDEG)
    return table[index] + (table[index + 1] - table[index]) * beyond // TABLE_STEP_CDEG


def corrected_nv(cell: Cell, we_uv: int, ae_uv: int, temperature_cdeg: int) -> int:
    """WE_c in nanovolts."""
    we = (we_uv - cell.we_electronic_uv) * 1000
    ae = ae_uv - cell.ae_electronic_uv
    now = factor(cell.table, temperature_cdeg)
    if cell.algorithm == 1:
        return we - now * ae
    if cell.algorithm == 2:
        return we - now * ae * cell.we_zero_uv // cell.ae_zero_uv
    if cell.algorithm == 3:
        return we - (cell.we_zero_uv - cell.ae_zero_uv) * 1000 - now * ae
    return we - (cell.we_zero_uv + now) * 1000


def concentration_dppb(cell: Cell, we_uv: int, ae_uv: int, temperature_cdeg: int, others) -> int:
    """Tenths of ppb; `others` gives the same of the gases that are known so far, by name."""
    nv = corrected_nv(cell, we_uv, ae_uv, temperature_cdeg) * 10
    for gas, cross_nv in cell.cross:
        nv -= cross_nv * others.get(gas, 0)
    return (2 * nv + cell.sensitivity_nv) // (2 * cell.sensitivity_nv)  # rounded
