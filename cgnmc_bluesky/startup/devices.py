"""Devices of a session: simulated ones, or those that beamline.toml names."""

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cgnmc_bluesky.beamline import Beamline, ConfigurationError

if TYPE_CHECKING:
    from cgnmc_bluesky.sim import SimulatedFacility

CONNECTION_TIMEOUT_S = 5.0


def simulated_devices(
    *,
    points_per_s: float | None = 100.0,
    rows_per_s: float | None = 10.0,
    readings_per_s: float | None = 100.0,
    seed: int = 0,
    folder: Path | None = None,
) -> "SimulatedFacility":
    """Give all simulated instruments.

    Parameters
    ----------
    points_per_s
        Counts a second at most, so that there is something to watch; `None` for no such limit.
    rows_per_s
        The same for the rows of maps.
    readings_per_s
        The same for the readings of heating ramps.
    seed
        Of all noise.
    folder
        Where the files of maps and images go; without it a temporary folder.

    Returns
    -------
    SimulatedFacility
        Its `devices()` are for a session.
    """
    from cgnmc_bluesky.sim import (
        SimulatedBeamline,
        SimulatedFacility,
        SimulatedHotStage,
        SimulatedMicroscope,
        SimulatedNanoprobe,
        SimulatedSoftBeamline,
    )

    return SimulatedFacility(
        SimulatedBeamline(points_per_s=points_per_s, seed=seed),
        SimulatedNanoprobe(rows_per_s=rows_per_s, seed=seed, folder=folder),
        SimulatedHotStage(readings_per_s=readings_per_s, seed=seed),
        soft=SimulatedSoftBeamline(points_per_s=points_per_s, seed=seed),
        microscope=SimulatedMicroscope(points_per_s=points_per_s, seed=seed, folder=folder),
    )


def devices_from(beamline: Beamline) -> dict[str, Any]:
    """Make and connect the devices that beamline.toml names.

    Each key of `[devices]` is a device's name in the session, such as
    `mono = { class = "ophyd.EpicsMotor", prefix = "XF:07BM:mono" }`. What stands beside `class`
    goes to the class, `prefix` first; `name` is the key where it is left out.

    Parameters
    ----------
    beamline
        The configuration.

    Raises
    ------
    ConfigurationError
        If a class cannot be found or does not take what stands beside it.
    ConnectionError
        If a device does not answer.
    """
    made = {name: make_device(name, settings) for name, settings in beamline.devices.items()}
    for device in made.values():
        connect(device)
    return made


def make_device(name: str, settings: Mapping[str, Any]) -> Any:
    """Make one device, not yet connected.

    Parameters
    ----------
    name
        Its name in the session.
    settings
        `class` and what the class takes.

    Raises
    ------
    ConfigurationError
        If the class cannot be found or does not take what stands beside it.
    """
    options = {"name": name, **settings}
    module, _, kind = str(options.pop("class", "")).rpartition(".")
    prefix = [options.pop("prefix")] if "prefix" in options else []
    try:
        return getattr(import_module(module), kind)(*prefix, **options)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"[devices] {name} = {dict(settings)}: {error}; "
            'give { class = "ophyd.EpicsMotor", prefix = "..." } or the like'
        ) from error


def connect(device: Any, timeout_s: float = CONNECTION_TIMEOUT_S) -> None:
    """Wait until a device answers, ophyd's or ophyd-async's.

    Parameters
    ----------
    device
        The device.
    timeout_s
        How long to wait, in seconds.

    Raises
    ------
    ConnectionError
        If it does not answer in time.
    """
    try:
        if inspect.iscoroutinefunction(getattr(device, "connect", None)):
            from bluesky.run_engine import call_in_bluesky_event_loop

            call_in_bluesky_event_loop(device.connect(timeout=timeout_s))
        elif hasattr(device, "wait_for_connection"):
            device.wait_for_connection(timeout=timeout_s)
    except Exception as error:
        raise ConnectionError(
            f"{device.name} does not answer ({type(error).__name__}: {error}); "
            "is its server running and its prefix in beamline.toml right?"
        ) from error
