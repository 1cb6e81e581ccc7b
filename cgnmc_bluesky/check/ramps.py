"""Is the section of heating ramps right, and does it fit the readings of a source's runs."""

from collections.abc import Iterator, Sequence

from cgnmc_bluesky.beamline import HeatingRoles
from cgnmc_bluesky.check.findings import Finding, error, ok, warning
from cgnmc_bluesky.check.survey import Range, Readings, Surveyed

PLAUSIBLE_A = (0.05, 3.0)
"""Wavelengths, in ångström, that powder diffraction is done with."""
LONGEST_DELAY_S = 300.0
"""No gas line to a mass spectrometer takes longer."""
SMALLEST_RAMP_C = 10.0
"""A temperature that changes by less is no ramp."""
CLOCKS_APART = (5.0, 0.02)
"""Clocks agree whose durations of a run differ by no more than this: in seconds, and as a share."""


def check_ramp_section(heating: HeatingRoles) -> Iterator[Finding]:
    """Look at what needs no run: the gas of the onset, the delay, wavelength and exposure."""
    if heating.ion_current:
        yield _onset(heating)
        yield from _delay(heating)
    if heating.pattern is None:
        return
    where = "[heating] wavelength_a"
    if heating.wavelength_a is None:
        yield warning(where, "none: peaks, but no cell and no shares", "give it in ångström")
    elif not PLAUSIBLE_A[0] <= heating.wavelength_a <= PLAUSIBLE_A[1]:
        message = f"= {heating.wavelength_a:g}, where {PLAUSIBLE_A[0]:g} to {PLAUSIBLE_A[1]:g} Å "
        yield warning(where, f"{message}is usual", "give it in ångström, not in nm or keV")
    if heating.exposure_s is None:
        message = "none: the temperature of a pattern is that at its end, which at 4 °C/min is 2 °C"
        message += " too high for a minute's exposure"
        yield warning("[heating] exposure_s", message, "give a number of seconds, or its data key")


def _onset(heating: HeatingRoles) -> Finding:
    mass, where = heating.onset_mass, "[heating] ion_current"
    if mass not in heating.ion_current:
        message = f"m/z {', '.join(heating.ion_current)} without m/z {mass}: no onset of it"
        return warning(where, message, "name its data key, or another onset_mass")
    rate = f"{heating.false_alarm_rate:.0%}"
    return ok(where, f"onset of m/z {mass}; false alarms in {rate} of ramps without a release")


def _delay(heating: HeatingRoles) -> Iterator[Finding]:
    where = "[heating] transport_delay_s"
    if "transport_delay_s" not in heating.model_fields_set:
        message = "none: temperatures are those at which the gas is measured, not given off"
        yield warning(where, message, "measure how long a puff of gas takes, and give it")
    elif heating.transport_delay_s > LONGEST_DELAY_S:
        message = f"= {heating.transport_delay_s:g}: gas lines take 5 to 30 s"
        yield warning(where, message, "give it in seconds")


def check_ramp_runs(heating: HeatingRoles, runs: Sequence[Surveyed]) -> Iterator[Finding]:
    """Look at the runs that hold an ion current or a pattern."""
    for run in runs:
        ions = [key for key in heating.ion_current.values() if key in run.keys]
        pattern = heating.pattern if heating.pattern in run.keys else None
        if not ions and pattern is None:
            continue
        if heating.temperature_c not in run.keys:
            what = "ion currents" if ions else "patterns"
            message = f"it holds {what}, but no temperature '{heating.temperature_c}'"
            yield warning(run.name, message, "record the temperature in the same run")
            continue
        yield from _ramp(heating, run)
        if pattern is not None:
            yield from _axis(heating, run, pattern)


def _ramp(heating: HeatingRoles, run: Surveyed) -> Iterator[Finding]:
    """Tell whether the temperature changes, the gas is there, and the clocks agree."""
    temperature = run.readings.get("temperature_c", Readings())
    if temperature.values is None:
        message = f"'{heating.temperature_c}' has no readings that are numbers"
        yield warning(run.name, message, "see that the sensor is connected")
        return
    low, high = temperature.values
    message = f"'{heating.temperature_c}' from {low:.1f} to {high:.1f} °C"
    if high - low < SMALLEST_RAMP_C:
        remedy = "name the key of the sample's temperature, or choose runs with --run"
        yield warning(run.name, f"{message}: no ramp", remedy)
    elif low < -100.0:
        yield warning(run.name, message, 'correct its unit with temperature_unit = "K" or "degC"')
    else:
        yield ok(run.name, message)
    key = heating.ion_current.get(heating.onset_mass)
    if key is not None and key not in run.keys and heating.pattern not in run.keys:
        message = f"no data key '{key}': no onset of m/z {heating.onset_mass}"
        yield warning(run.name, message, "record it, or name another onset_mass")
    yield from _clocks(heating, run, temperature)


def _clocks(heating: HeatingRoles, run: Surveyed, temperature: Readings) -> Iterator[Finding]:
    if heating.clock == "event" and (message := clocks_apart(temperature)):
        yield warning(run.name, message, 'where the devices are right, write clock = "reading"')
    span = _span(heating, temperature)
    for mass in heating.ion_current:
        gas = _span(heating, run.readings.get(f"ion_{mass}", Readings()))
        if span is None or gas is None or _overlap(span, gas) > 0.5:
            continue
        message = f"by the clock that counts, '{heating.ion_current[mass]}' was read from "
        message += f"{gas[0] - span[0]:+.0f} to {gas[1] - span[0]:+.0f} s, the temperature from 0 "
        remedy = "set the devices' clocks, or choose another clock in [heating]"
        yield error(run.name, f"{message}to {span[1] - span[0]:.0f} s", remedy)


def clocks_apart(readings: Readings) -> str:
    """Say how the two clocks of a run's readings disagree; nothing where they agree."""
    events_s, stamps_s = _duration_s(readings.event_s), _duration_s(readings.stamp_s)
    seconds, share = CLOCKS_APART
    is_near = abs(events_s - stamps_s) <= max(seconds, share * max(events_s, stamps_s))
    if is_near or readings.stamp_s is None:
        return ""
    return f"the events took {events_s:.0f} s, by the readings' own timestamps {stamps_s:.0f} s"


def is_hasty(readings: Readings) -> bool:
    """Tell whether events came faster than their readings can have been measured."""
    return _duration_s(readings.event_s) < 0.5 * _duration_s(readings.stamp_s)


def _duration_s(span: Range | None) -> float:
    return 0.0 if span is None else span[1] - span[0]


def _span(heating: HeatingRoles, readings: Readings) -> Range | None:
    return readings.stamp_s if heating.clock == "reading" else readings.event_s


def _overlap(one: Range, other: Range) -> float:
    """Share of the shorter of two spans of time that lies in the other."""
    shorter = min(one[1] - one[0], other[1] - other[0])
    common = min(one[1], other[1]) - max(one[0], other[0])
    if shorter <= 0:
        return float(common >= 0)
    return common / shorter


def _axis(heating: HeatingRoles, run: Surveyed, pattern: str) -> Iterator[Finding]:
    """Tell whether a pattern has an intensity for each angle."""
    where, axis = f"[heating] two_theta_deg in {run.name}", heating.two_theta_deg or ""
    if axis not in run.keys:
        yield error(where, f"no data key '{axis}' for '{pattern}'", "record the axis with it")
        return
    n_angles, n_intensities = (_length(run, key) for key in (axis, pattern))
    if None in {n_angles, n_intensities} or n_angles == n_intensities:
        return
    message = f"'{axis}' has {n_angles} angles, and '{pattern}' {n_intensities} intensities"
    yield error(where, message, "name the axis that this pattern is over")


def _length(run: Surveyed, key: str) -> int | None:
    shape = run.keys[key].shape
    return shape[-1] if shape else 1
