"""Results of cycled cells, made by hand after the reference of results."""

import numpy as np

Values = dict[str, tuple[float, float, str]]
Curves = dict[str, dict[str, np.ndarray]]


def cell(cycles: int = 100, fade: float = 0.0016, shift_v: float = 0.0009) -> tuple[Values, Curves]:
    """Result of a cell whose capacity fades and whose peak of dQ/dV moves up."""
    number = np.arange(1.0, cycles + 1)
    capacity = 178.0 * (1 - fade * (number - 1))
    peak_v = 3.76 + shift_v * np.maximum(0.0, number - 40)
    height = 480.0 * (capacity / 178.0) ** 3
    shown = np.unique(np.linspace(1, cycles, 6).round())
    per_cycle = {
        "cycle": number,
        "charge_capacity": capacity * 1.006,
        "discharge_capacity": capacity,
        "efficiency": np.full(cycles, 1 / 1.006),
        "peak_v": peak_v,
        "peak_v_sigma": np.full(cycles, 0.002),
        "peak_height": height + 55.0,
        "peak_height_sigma": np.full(cycles, 6.0),
    }
    voltage_v = np.linspace(2.7, 4.4, 120)
    voltage: list[np.ndarray] = []
    dqdv: list[np.ndarray] = []
    for cycle in shown:
        at = int(cycle) - 1
        for direction, polarisation_v in ((1.0, 0.0), (-1.0, -0.06)):
            centre_v = peak_v[at] + polarisation_v
            slope = 55.0 + height[at] * np.exp(-(((voltage_v - centre_v) / 0.08) ** 2))
            slope *= voltage_v > 3.4
            passed = np.cumsum(slope)
            passed *= capacity[at] / passed[-1]
            along = passed if direction > 0 else passed[-1] - passed[::-1]
            of_half = voltage_v if direction > 0 else voltage_v[::-1]
            of_which = np.full((2, voltage_v.size), [[cycle], [direction]])
            voltage.append(np.vstack([of_which, along, of_half]))
            error = np.full(voltage_v.size, 5.0)
            dqdv.append(np.vstack([of_which, voltage_v, slope, error]))
    names = ("voltage_cycle", "voltage_direction", "capacity", "voltage_v")
    of_slope = ("dqdv_cycle", "dqdv_direction", "dqdv_v", "dqdv", "dqdv_sigma")
    values: Values = {
        "cycles": (float(cycles), 0.0, ""),
        "charge_capacity_mah_per_g": (capacity[-1] * 1.006, 0.2, "mAh/g"),
        "discharge_capacity_mah_per_g": (capacity[-1], 0.2, "mAh/g"),
        "coulombic_efficiency": (1 / 1.006, 0.001, ""),
        "capacity_retention": (capacity[-1] / capacity[0], 0.002, ""),
        "dqdv_peak_v": (peak_v[-1], 0.002, "V"),
        "dqdv_peak_height": (height[-1], 6.0, "mAh/(g V)"),
        "dqdv_peak_shift_v": (peak_v[-1] - peak_v[0], 0.003, "V"),
    }
    return values, {
        "cycles": per_cycle,
        "voltage": dict(zip(names, np.hstack(voltage), strict=True)),
        "dqdv": dict(zip(of_slope, np.hstack(dqdv), strict=True)),
    }


CURVE_UNITS = {
    **dict.fromkeys(("charge_capacity", "discharge_capacity", "capacity"), "mAh/g"),
    **dict.fromkeys(("peak_height", "peak_height_sigma", "dqdv", "dqdv_sigma"), "mAh/(g V)"),
    **dict.fromkeys(("peak_v", "peak_v_sigma", "voltage_v", "dqdv_v"), "V"),
}
