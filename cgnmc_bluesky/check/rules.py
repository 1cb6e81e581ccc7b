"""How data keys are named at beamlines, and the units they have: what tells the key of a role."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from cgnmc_bluesky.check import gases
from cgnmc_bluesky.check.survey import DataKey

NOT_A_READBACK = re.compile(
    r"setpoint|request|target|_sp$|dwell|offset|_dt$|dead|icr|ocr|ramp_?rate|power|heart_?beat|limit"
    r"|heater_(?:on|off|range|output)|_heater$|over_?temp"
)
"""What is measured beside a role's key, and named like it."""


@dataclass(frozen=True)
class Rule:
    """How the key of a role may be recognised.

    Parameters
    ----------
    role
        The role.
    names
        Patterns of its name in small letters, the most telling first.
    units
        Units, in small letters, that it may have; without any, whatever its unit.
    is_array
        Whether a reading is an array; `None` where it may be either.
    is_beside
        Whether it is measured beside another role's key, and named like it.
    is_curve
        Whether a reading has one axis and no more.
    is_image
        Whether a reading has two.
    """

    role: str
    names: tuple[str, ...]
    units: frozenset[str] = field(default_factory=frozenset)
    is_array: bool | None = False
    is_beside: bool = False
    is_curve: bool = False
    is_image: bool = False

    def rank(self, key: DataKey) -> int | None:
        """Return how telling a key's name is, 0 the most; `None` where it cannot be the role's."""
        name, unit = key.name.lower(), key.unit.lower()
        n_axes = sum(length is None or length > 1 for length in key.shape)
        if self.is_array not in {None, n_axes > 0} or key.dtype == "string":
            return None
        if (self.is_curve and n_axes > 1) or (self.is_image and n_axes != 2):
            return None
        if not self.is_beside and NOT_A_READBACK.search(name):
            return None
        if self.units and unit and unit not in self.units:
            return None
        ranks = (rank for rank, pattern in enumerate(self.names) if re.search(pattern, name))
        return next(ranks, None)


def _word(*names: str) -> str:
    """Match any of some names as a word of its own, where `_`, `-`, `:` and blanks part words."""
    return rf"(?:^|[^a-z0-9])(?:{'|'.join(names)})(?:$|[^a-z0-9])"


ENERGY_UNITS = frozenset({"ev", "kev"})
LENGTH_UNITS = frozenset({"um", "µm", "micron", "microns", "micrometer", "nm", "mm"})
CURRENT_UNITS = frozenset({"a", "ua", "µa", "na", "pa", "fa", "amp", "amps", "v", "mv", "a.u."})
COUNT_UNITS = frozenset({"count", "counts", "cps", "hz", "c/s", "cts/s", "counts/s", "ppm", "%"})
ION_UNITS = CURRENT_UNITS | COUNT_UNITS | {"torr", "mbar", "hpa"}
FURNACES = "furnace|oven|hot_?stage|heater|linkam|eurotherm|lakeshore|cryostream|blower"
MONOCHROMATORS = r"(?:mono\d*|dcm|hhm|pgm)_?\w*"
GRATINGS = r"(?:pgm|sgm|grating)"
MESH = r"mesh"
ELECTRONS = rf"{_word('tey')}|sample_?current"
MICROSCOPES = "peem|leem|uview|elmitec"
SOFT = re.compile(rf"{GRATINGS}|{MESH}|{ELECTRONS}|{MICROSCOPES}")
"""What a soft X-ray beamline alone has: one of its roles must be named so."""
CYCLERS = "cell|battery|cycler|biologic|potentiostat|galvanostat|arbin|maccor|neware"

GRATING_ENERGY = Rule("energy_ev", (rf"{GRATINGS}\w*energy", r"^energy$|_energy$"), ENERGY_UNITS)

RULES: Mapping[str, tuple[Rule, ...]] = {
    "xpeem": (
        Rule("image", (MICROSCOPES, r"image|camera|andor|frame"), is_array=True, is_image=True),
        GRATING_ENERGY,
        Rule("i0", (MESH, _word("i0", "io"))),
    ),
    "soft_xanes": (
        GRATING_ENERGY,
        Rule("reference", (r"ref\w*current", _word("ref", "reference"))),
        Rule("i0", (MESH, _word("i0", "io"), r"sclr_ch3$")),
        Rule("tey", (ELECTRONS, r"drain", r"sclr_ch4$")),
        Rule("pfy", (_word("pfy", "tfy"), r"(?:sdd|vortex)(?!.*(?:spectr|mca$))")),
        Rule("pfy", (r"sdd|vortex|xs\w*ch|xspress\w*ch",), is_array=True, is_curve=True),
        Rule(
            "dead_time_factor",
            (r"(?:sdd|vortex|xs)\w*dead_?time|dead_?time_?(?:factor|correction)|dt_?factor",),
            is_beside=True,
        ),
    ),
    "xanes": (
        Rule(
            "energy_ev",
            (rf"{MONOCHROMATORS}energy", r"^(shifted )?energy$", r"energy", MONOCHROMATORS),
            ENERGY_UNITS,
        ),
        Rule("i0", (r"^(i0|io)$", _word("i0", "io"), r"apb_ave_ch1_mean", r"i0", r"^i_?zero")),
        Rule("itrans", (r"^(it|itrans|i1)$", _word("it", "itrans", "i1"), r"apb_ave_ch2_mean")),
        Rule(
            "irefer",
            (r"^(ir|irefer|iref|i2)$", _word("ir", "irefer", "iref", "i2"), r"apb_ave_ch3_mean"),
        ),
        Rule(
            "ifluor",
            (
                r"^(if|iff|ifluor)$",
                _word("if", "iff", "ifluor", "pips"),
                r"apb_ave_ch4_mean",
                r"fluo",
            ),
        ),
        Rule(
            "mutrans",
            (_word("mutrans", "mut"), r"^x?mu$", r"^(mu)?norm(ali[sz]ed)?$", _word("xmu")),
        ),
        Rule("murefer", (_word("murefer", "muref", "mur"), r"^ref(erence)?$")),
    ),
    "xrf": (
        Rule("spectra", (r"xs\w*ch|xspress\w*ch", r"xspress|fluor|mca|sdd|vortex"), is_array=True),
        Rule(
            "dead_time_factor",
            (r"_dt$|dead_?time_?(factor|correction)|dt_?factor",),
            is_array=None,
            is_beside=True,
        ),
        Rule("i0", (_word("i0", "io"), r"i0", r"sclr1_ch4$"), is_array=None),
        Rule(
            "x_um",
            (_word("x"), r"(ss|sam\w*|stage)x$", r"^enc1$|inenc2_val$"),
            LENGTH_UNITS,
            is_array=None,
        ),
        Rule(
            "y_um",
            (_word("y"), r"(ss|sam\w*|stage)y$", r"^enc2$|inenc3_val$"),
            LENGTH_UNITS,
            is_array=None,
        ),
        Rule("incident_energy_ev", (rf"^energy$|{MONOCHROMATORS}energy",), ENERGY_UNITS),
    ),
    "heating": (
        Rule(
            "temperature_c",
            (
                rf"(?:sample|{FURNACES})\w*temp|temp\w*(?:sample|{FURNACES})",
                r"temp",
                rf"(?:{FURNACES})(?:_readback)?$",
                r"thermocouple|" + _word(r"tc\d*"),
            ),
            frozenset({"degc", "c", "°c", "℃", "celsius", "k", "kelvin", "deg c"}),
        ),
        Rule("ion", gases.NAMES, ION_UNITS),
        Rule(
            "two_theta_deg",
            (r"two[\s_]?theta|2[\s_]?theta|2θ|tth",),
            frozenset({"deg", "degree", "degrees", "°", "rad", "mrad"}),
            is_array=True,
            is_curve=True,
        ),
        Rule(
            "pattern",
            (
                r"(?:xrd|diffr|powder|pilatus|perkin|dexela|varex)\w*(?:intensity|counts)",
                r"xrd|diffr|powder|pattern|chi_i$",
                r"intensity|_i$",
            ),
            is_array=True,
            is_curve=True,
        ),
        Rule(
            "exposure_s",
            (r"exposure", r"(?:acquire|count|integration)_?time"),
            frozenset({"s", "sec", "ms", "seconds", "min"}),
        ),
    ),
    "cycling": (
        Rule(
            "voltage_v",
            (r"^e_?(?:we|cell)$|^ocp$", rf"(?:{CYCLERS})\w*(?:voltage|_v$)", r"^voltage(?:_v)?$"),
            frozenset({"v", "mv"}),
        ),
        Rule("mean_current_a", (r"^<i>$|mean_current",), frozenset({"a", "ma", "ua", "µa"})),
        Rule(
            "current_a",
            (r"^i$", rf"(?:{CYCLERS})\w*(?:current|_i$)", r"^current(?:_a)?$"),
            frozenset({"a", "ma", "ua", "µa"}),
        ),
        *(
            Rule(
                f"capacity_{unit}",
                (rf"capacity_{unit}$", r"^capacity$|^\(q-qo\)$"),
                frozenset(spellings),
            )
            for unit, spellings in {
                "mah_per_g": {"mah/g"},
                "mah": {"mah", "ma.h"},
                "ah": {"ah", "a.h"},
            }.items()
        ),
        Rule("x_li", (r"^x_li$|^li$|^sto$",)),
        Rule("cycle", (r"^cycle[\s_]?(?:number|index)?$", rf"(?:{CYCLERS})\w*_cycle$")),
    ),
}
"""For each section the rules of its roles, in the order in which keys are given away."""
