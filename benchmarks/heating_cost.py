"""What a reading of the mass spectrometer costs at any point of a run of five hours."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import event_model
import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure
from benchmarks.ramps import Ramp, ramp
from benchmarks.release_runs import model_of, rows
from cgnmc_bluesky.analysis.heating.release import ReleaseAccumulator
from cgnmc_bluesky.beamline import Beamline
from cgnmc_bluesky.callbacks.heating import O2OnsetAnalysis
from cgnmc_bluesky.callbacks.pipeline import Pipeline

Floats = NDArray[np.float64]

HOURS, PERIOD_S = 5.0, 1.0
POINTS = (1_000, 9_000, 18_000)
AROUND = 200
REPEATS = 2
READING_MS = 2.0
KEYS = {"furnace_temperature": "degC", "rga_mz32": "A"}


def figures(*, tiny: bool = False) -> Iterator[Figure]:
    """Measure it."""
    hours, points = (0.05, (100, 150)) if tiny else (HOURS, POINTS)
    drawn = ramp("spread", 1, rate_c_per_min=475 / (60 * hours), period_s=PERIOD_S, until_c=500.0)
    for what, spent in (("the accumulator", _accumulated_ms), ("the live pipeline", _piped_ms)):
        # What the machine does besides strikes another reading each time.
        spent_ms = np.min([spent(drawn) for _ in range(1 if tiny else REPEATS)], axis=0)
        for point in points:
            near_ms = spent_ms[max(0, point - AROUND) : point]
            yield Figure(
                f"a reading through {what}, about the {point}th, median",
                float(np.median(near_ms)),
                "ms",
                at_most=READING_MS,
                remark=f"processor time; longest of {len(near_ms)} {near_ms.max():.2f} ms",
            )
        yield Figure(
            f"a reading through {what}, longest",
            float(spent_ms.max()),
            "ms",
            at_most=READING_MS,
            remark=f"the {int(np.argmax(spent_ms)) + 1}th of {len(spent_ms)}; 99 of 100 within "
            f"{np.quantile(spent_ms, 0.99):.2f} ms; {1e-3 * spent_ms.sum():.1f} s together",
        )


def _accumulated_ms(drawn: Ramp) -> Floats:
    accumulator = ReleaseAccumulator(model_of(drawn))

    def take(at: int) -> None:
        accumulator.add(rows(drawn, slice(at, at + 1)))
        accumulator.estimate(ended=False)

    return _timed_ms(take, len(drawn.time_s))


def _piped_ms(drawn: Ramp) -> Floats:
    section = {
        "temperature_c": "furnace_temperature",
        "ion_current": {"32": "rga_mz32"},
        "transport_delay_s": drawn.delay_s,
    }
    beamline = Beamline.from_dict({"heating": section})
    pipeline = Pipeline([O2OnsetAnalysis], lambda name, doc: None, beamline=beamline)
    run = event_model.compose_run(metadata={"scan_id": 1}, time=0.0, validate=False)
    keys = {
        key: {"source": "benchmark", "dtype": "number", "shape": [], "units": unit}
        for key, unit in KEYS.items()
    }
    stream = run.compose_descriptor(name="ions", data_keys=keys, time=0.0, validate=False)
    pipeline("start", run.start_doc)
    pipeline("descriptor", stream.descriptor_doc)
    events = [_event(stream, drawn, at) for at in range(len(drawn.time_s))]

    def take(at: int) -> None:
        pipeline("event", events[at])
        pipeline.update()

    return _timed_ms(take, len(events))


def _event(stream: Any, drawn: Ramp, at: int) -> Mapping[str, Any]:
    time_s = float(drawn.time_s[at])
    readings = (float(drawn.temperature_c[at]), float(drawn.current_a[at]))
    event: Mapping[str, Any] = stream.compose_event(
        data=dict(zip(KEYS, readings, strict=True)),
        timestamps=dict.fromkeys(KEYS, time_s),
        time=time_s,
        validate=False,
    )
    return event


def _timed_ms(take: Callable[[int], None], n: int) -> Floats:
    spent_ms = np.empty(n)
    for at in range(n):
        start_s = time.process_time()
        take(at)
        spent_ms[at] = 1e3 * (time.process_time() - start_s)
    return spent_ms
