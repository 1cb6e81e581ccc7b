"""Self-absorption: what a particle keeps of the beam and of its own fluorescence."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Attenuation:
    """What it takes to correct a particle of LiMO2 for its self-absorption.

    Parameters
    ----------
    metals
        Symbols of the metals M, `k` of them.
    atomic_weights
        Of Li, O and the metals, shape `(2 + k,)`, in g/mol.
    incident
        Mass attenuation of Li, O and the metals at the energy of the beam, shape `(2 + k,)`, in
        cm²/g.
    emitted
        Mass attenuation of Li, O and the metals (rows) at the K lines' energy of each metal
        (columns), shape `(2 + k, k)`, in cm²/g.
    density_g_cm3
        Density of the particle, in g/cm³.
    incidence_deg, takeoff_deg
        Angles of the beam and of the detector to the sample's plane, in degrees; their sum is the
        angle between the beam's direction and the detector's. The detector stands towards +x.
    """

    metals: tuple[str, ...]
    atomic_weights: Floats
    incident: Floats
    emitted: Floats
    density_g_cm3: float = 4.7
    incidence_deg: float = 45.0
    takeoff_deg: float = 45.0

    def linear(self, fractions: Floats) -> tuple[float, Floats]:
        """Linear attenuation of LiMO2 with these fractions of the metals, in 1/µm.

        Parameters
        ----------
        fractions
            Atomic fractions of the metals, shape `(k,)`.

        Returns
        -------
        tuple
            At the energy of the beam, and at each metal's K lines, shape `(k,)`.
        """
        share = np.concatenate([[1.0, 2.0], fractions]) * self.atomic_weights
        share = share / np.add.reduce(share)
        per_um = self.density_g_cm3 * 1e-4
        incident = per_um * float(np.einsum("e,e->", share, self.incident))
        return incident, per_um * np.einsum("e,ek->k", share, self.emitted)
