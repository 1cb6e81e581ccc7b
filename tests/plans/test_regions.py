"""Energies of a scan: ascending, distinct, inside their regions, and refused in words otherwise."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cgnmc_bluesky.beamline import Edge, edge_energy_ev
from cgnmc_bluesky.plans.regions import (
    EV_PER_K2,
    Region,
    energy_grid_ev,
    read_regions,
    usual_regions,
)

NI_K_EV = 8333.0


@st.composite
def adjoining_regions(draw: st.DrawFn) -> list[Region]:
    """Up to four regions in eV, and one in k that begins where they end or later."""
    steps_ev = st.floats(0.05, 10.0)
    edges_ev = draw(st.lists(st.floats(-200.0, 100.0), min_size=2, max_size=5, unique=True))
    regions = [
        Region(start, stop, draw(steps_ev))
        for start, stop in pairwise(sorted(edges_ev))
        if stop - start > 0.5
    ]
    first_k = math.sqrt(max(*edges_ev, 0.0) / EV_PER_K2)
    regions.append(
        Region(first_k + draw(st.floats(0.0, 1.0)), 12.0, draw(st.floats(0.02, 0.3)), "k")
    )
    return regions


@given(adjoining_regions())
def test_a_grid_ascends_and_stays_inside_its_regions(regions: list[Region]) -> None:
    energies_ev = energy_grid_ev(NI_K_EV, regions)
    assert all(after > before for before, after in pairwise(energies_ev))
    bounds_ev = [(r.relative_ev(r.start), r.relative_ev(r.stop)) for r in regions]
    for energy_ev in energies_ev:
        relative_ev = energy_ev - NI_K_EV
        assert any(low - 2e-4 <= relative_ev <= high + 2e-4 for low, high in bounds_ev)


@given(adjoining_regions())
def test_a_region_written_as_json_is_the_same_region(regions: list[Region]) -> None:
    assert read_regions([list(region) for region in regions]) == tuple(regions)
    assert read_regions([region._asdict() for region in regions]) == tuple(regions)


@pytest.mark.parametrize(
    ("edge", "low_ev", "high_ev", "points"),
    [
        ("Ni K", -8.0, 28.0, (350, 450)),
        ("O K", -5.0, 20.0, (350, 450)),
        ("Ni L3", -4.0, 29.3, (220, 300)),
        ("Mn L3", -4.0, 23.2, (220, 300)),
        ("Co L3", -4.0, 27.1, (220, 300)),
    ],
)
def test_the_usual_grid_suits_the_edge(
    edge: str, low_ev: float, high_ev: float, points: tuple[int, int]
) -> None:
    edge_ev, _ = edge_energy_ev(edge)
    energies_ev = energy_grid_ev(edge_ev, usual_regions(Edge.parse(edge)))
    assert points[0] <= len(energies_ev) <= points[1]
    near = [e - edge_ev for e in energies_ev if low_ev <= e - edge_ev <= high_ev]
    assert max(after - before for before, after in pairwise(near)) < 0.2001
    assert near[0] == pytest.approx(low_ev, abs=1e-3)


def test_points_in_k_are_evenly_spaced_in_k() -> None:
    energies_ev = energy_grid_ev(NI_K_EV, [Region(4.0, 5.0, 0.25, "k")])
    wave_numbers = [math.sqrt((e - NI_K_EV) / 3.80998) for e in energies_ev]
    assert wave_numbers == pytest.approx([4.0, 4.25, 4.5, 4.75, 5.0], abs=1e-4)


def test_a_joint_is_measured_once() -> None:
    grid = energy_grid_ev(NI_K_EV, read_regions([[-1, 0, 0.5], [0, 1, 0.5]]))
    assert grid == [8332.0, 8332.5, 8333.0, 8333.5, 8334.0]


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ([], r"regions \[\]: give a list"),
        ("K", "give a list"),
        ([5], "region 1 is 5: give"),
        ([[1, 2]], r"region 1 is \[1, 2\]: give \[start, stop, step\]"),
        (["abc"], "region 1 is 'abc': give"),
        ([[-10, 10, 1], [10, None, 1]], r"region 2 is \[10, None, 1\]: .* finite numbers"),
        ([[-10, 10, math.nan]], "finite numbers"),
        ([[-10, 10, True]], "finite numbers"),
        ([[-10, 10, 1, "keV"]], "unit 'keV': choose 'eV' or 'k'"),
        ([{"start": -10, "end": 10, "step": 1}], "region 1 is .*: give"),
        ([[-10, 10, 0]], "step 0: it must be positive"),
        ([[-10, 10, -1]], "step -1: it must be positive"),
        ([[10, -10, 1]], "from 10 to -10 eV: let it ascend"),
        ([[-1, 5, 0.1, "k"]], "begins at k = -1"),
        ([[-10, 10, 1e-6]], "steps of 1e-06 eV: the finest"),
        ([[-10, 10, 1], [5, 20, 1]], "region 2 begins 5 eV .* region 1 ends at 10 eV"),
        ([[-10, 70, 1], [4, 12, 0.05, "k"]], "region 2 begins 60.9"),
    ],
)
def test_a_region_that_cannot_be_used_is_named(specs: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_regions(specs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("region", "message"),
    [
        (Region(8300.0, 8400.0, 1.0), "begins 8300 eV from the edge .* subtract"),
        (Region(-9000.0, 10.0, 1.0), "relative to the edge"),
        (Region(-10.0, 10.0, 0.001), "20001 points"),
        (Region(-10.0, 10.0, 30.0), "1 points: choose steps"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(region: Region, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        energy_grid_ev(NI_K_EV, [region])
