"""Runs to be checked, and what a check says of them."""

import tomllib
from collections.abc import Mapping

import numpy as np
from event_model import compose_run

from cgnmc_bluesky import Beamline
from cgnmc_bluesky.check import Findings, Severity, draft


def documents(
    keys: Mapping[str, dict], *, energies_ev=(8300.0, 8400.0), stream="primary", **start
) -> list[tuple[str, dict]]:
    """A run of a few events whose descriptor says this of its keys."""
    run = compose_run(metadata={"scan_id": 7, **start})
    data_keys = {
        key: {"source": "test", "dtype": "number", "shape": []} | said for key, said in keys.items()
    }
    descriptor = run.compose_descriptor(name=stream, data_keys=data_keys)
    docs = [("start", run.start_doc), ("descriptor", descriptor.descriptor_doc)]
    for energy_ev in energies_ev:
        data = {
            key: energy_ev if "energy" in key else np.ones(said.get("shape", ())).tolist()
            for key, said in keys.items()
        }
        docs.append(
            ("event", descriptor.compose_event(data=data, timestamps=dict.fromkeys(keys, 0.0)))
        )
    return [(name, dict(doc)) for name, doc in [*docs, ("stop", run.compose_stop())]]


def said(findings: Findings, severity: Severity) -> list[str]:
    return [str(finding) for finding in findings if finding.severity is severity]


def drafted(source) -> dict:
    text = draft(source)
    Beamline.from_dict(tomllib.loads(text))
    return tomllib.loads(text)
