"""Signals of ions that are no currents."""

from copy import deepcopy

import numpy as np
import pytest
from heating_documents import measured_ramp, polled_run

from cgnmc_bluesky import Beamline, replay


@pytest.mark.parametrize(
    ("recorded", "unit"), [("A", "A"), ("nA", "A"), ("Torr", "mbar"), ("cps", "1/s"), ("", "A")]
)
def test_results_have_the_unit_of_the_signal(recorded, unit):
    time_s = np.arange(0.0, 1500.0, 5.0)
    temperature_c = 25.0 + 10.0 * time_s / 60.0
    random = np.random.default_rng(1)
    background = 1e-3 * (1.0 + 0.002 * random.standard_normal(time_s.size))
    run = polled_run(
        measured_ramp(
            time_s,
            temperature_c,
            {
                "32": background + 1e-3 * np.exp(-0.5 * ((temperature_c - 200.0) / 8.0) ** 2),
                "44": np.full(time_s.size, 2.0),
            },
        )
    )
    documents = deepcopy(run.documents)
    for name, doc in documents:
        if name == "descriptor" and "rga_mz32" in doc["data_keys"]:
            doc["data_keys"]["rga_mz32"]["units"] = recorded
    [onset] = replay(documents, Beamline.from_dict(run.configuration()))
    assert onset.status == "final", onset.reason
    assert onset.units["max_slope"] == f"{unit}/degC"
    assert onset.values["t_peak_c"] == pytest.approx(200.0, abs=1.0)
