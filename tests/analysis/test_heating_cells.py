from itertools import product

import numpy as np
import pytest
import xraydb
from simulated_patterns import WAVELENGTH_A, angles_deg

from cgnmc_bluesky.analysis.heating.cells import (
    CUBIC_RATIO,
    Reflections,
    converted,
    positions,
    two_theta_deg,
)
from cgnmc_bluesky.analysis.heating.layout import phases_at
from cgnmc_bluesky.analysis.heating.structures import (
    expected,
    layered,
    lorentz,
    rock_salt,
    scattering_factor,
    spinel,
)

# (hkl), 2θ at 0.4522 Å and at 1.5406 Å
KNOWN = {
    layered: [
        ((0, 0, 3), 5.400, 18.47),
        ((1, 0, 1), 10.776, 37.32),
        ((1, 0, 4), 12.847, 44.81),
        ((0, 1, 8), 17.955, 64.23),
        ((1, 1, 0), 18.455, 66.23),
    ],
    spinel: [
        ((1, 1, 1), 5.508, 18.84),
        ((2, 2, 0), 9.001, 31.01),
        ((3, 1, 1), 10.559, 36.54),
        ((4, 0, 0), 12.742, 44.43),
        ((4, 4, 0), 18.058, 64.64),
    ],
    rock_salt: [((1, 1, 1), 10.856, None), ((2, 0, 0), 12.542, None), ((2, 2, 0), 17.772, None)],
}


@pytest.mark.parametrize("structure", [layered(), spinel(), rock_salt()], ids=lambda s: s.phase)
def test_lines_stand_where_they_are_known_to(structure):
    lines = expected(structure).lines
    at_deg = two_theta_deg(lines.inverse_d2(np.array(structure.cell_a)), WAVELENGTH_A)
    for indices, native, copper in KNOWN[globals()[structure.phase]]:
        place = lines.index_of(*indices)
        assert at_deg[place] == pytest.approx(native, abs=6e-4)
        if copper:
            assert converted(at_deg[place], WAVELENGTH_A) == pytest.approx(copper, abs=0.008)


@pytest.mark.parametrize("phase", phases_at(WAVELENGTH_A), ids=lambda phase: phase.name)
def test_lines_move_with_the_cell_as_their_slopes_say(phase):
    cell = np.array(phase.structure.cell_a)
    angle_deg, slopes = positions(phase.lines, cell, WAVELENGTH_A)
    np.testing.assert_allclose(angle_deg, angles_deg(phase.lines.indices, cell), rtol=1e-12)
    for n in range(len(cell)):
        step = np.zeros(len(cell))
        step[n] = 1e-5
        above, _ = positions(phase.lines, cell + step, WAVELENGTH_A)
        below, _ = positions(phase.lines, cell - step, WAVELENGTH_A)
        np.testing.assert_allclose(slopes[:, n], (above - below) / 2e-5, rtol=1e-6, atol=1e-9)


def test_a_line_beyond_the_wavelengths_reach_is_nowhere():
    assert np.isnan(two_theta_deg(np.array([2.0]), 1.5406)).all()
    assert np.isnan(converted(np.array([100.0]), 0.4522, 1.5406)).all()


def test_a_layered_cell_of_the_cubic_ratio_has_the_lines_of_the_spinel():
    a = 8.15 / np.sqrt(8)
    hexagonal = Reflections("layered", ((0, 0, 3), (1, 0, 1), (1, 0, 4), (0, 1, 8), (1, 1, 0)))
    cubic = Reflections("spinel", ((1, 1, 1), (3, 1, 1), (4, 0, 0), (4, 4, 0), (4, 4, 0)))
    found = hexagonal.inverse_d2(np.array([a, CUBIC_RATIO * a]))
    known = cubic.inverse_d2(np.array([8.15]))
    np.testing.assert_allclose(np.delete(found, 1), np.delete(known, 1), rtol=1e-12)


def test_electrons_are_those_of_another_table():
    q = np.linspace(0.0, 0.4, 9)
    for element in ("Ni", "Co", "Mn", "O"):
        np.testing.assert_allclose(
            scattering_factor(element, q**2), xraydb.f0(element, q), atol=0.02
        )
    mean = 0.6 * 28 + 0.2 * 25 + 0.2 * 27
    assert scattering_factor("M", np.zeros(1))[0] == pytest.approx(mean, abs=0.02)


def test_cells_hold_what_their_formulas_say():
    assert layered().n_metal == 3
    assert spinel().n_metal == pytest.approx(16)
    assert rock_salt().n_metal == 4
    # metal stands in the middle of six oxygen atoms, in every structure
    for structure in (layered(), spinel(), rock_salt()):
        metal, oxygen = structure.sites[0], structure.sites[-1]
        images = np.array(list(product((-1, 0, 1), repeat=3)))
        away = (oxygen.places[:, None] % 1 - metal.places[0] % 1 + images).reshape(-1, 3)
        if structure.phase == "layered":
            a, c = structure.cell_a
            basis = np.array([[a, 0, 0], [-a / 2, a * 0.75**0.5, 0], [0, 0, c]])
        else:
            basis = np.eye(3) * structure.cell_a[0]
        distance = np.sort(np.linalg.norm(away @ basis, axis=1))
        assert 1.85 < distance[0] < 2.1
        assert distance[5] - distance[0] < 0.05
        assert distance[6] > distance[5] + 0.5


def test_lines_that_symmetry_forbids_are_not_there():
    assert (2, 0, 0) not in expected(spinel()).lines.indices
    assert (4, 2, 0) not in expected(spinel()).lines.indices
    assert (1, 0, 2) not in expected(layered()).lines.indices


def test_an_atom_gives_the_lines_of_all_its_neighbours_alike_in_every_phase():
    """In (440) and what becomes of it all atoms scatter in phase: it is as strong for each metal
    atom of a layered cell, but for the volume, as of a spinel.
    """
    flat, cubic, salt = (expected(one()) for one in (layered, spinel, rock_salt))
    both = sum(flat.strength[flat.lines.index_of(*line)] for line in ((0, 1, 8), (1, 1, 0)))
    one = cubic.strength[cubic.lines.index_of(4, 4, 0)]
    assert both == pytest.approx(one, rel=0.07)
    # MO has half the oxygen, in half the volume
    s2 = np.array([32 / 8.15**2 / 4])
    metal, oxygen = (scattering_factor(name, s2)[0] for name in ("M", "O"))
    ratio = ((metal + oxygen) / (metal + 2 * oxygen)) ** 2 * (8.15**3 / 16) / (4.14**3 / 4)
    assert salt.strength[salt.lines.index_of(2, 2, 0)] / one == pytest.approx(ratio, rel=0.1)


def test_lorentz_factor_is_that_of_a_powder():
    assert lorentz(np.array([60.0]))[0] == pytest.approx(1 / (0.25 * np.cos(np.pi / 6)))
