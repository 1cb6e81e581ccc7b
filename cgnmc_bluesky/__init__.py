"""From Bluesky documents of battery cathodes to numbers with uncertainties, live and replayed."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cgnmc_bluesky.beamline import Beamline
    from cgnmc_bluesky.replay import replay
    from cgnmc_bluesky.series import trends

__all__ = ["Beamline", "__version__", "replay", "trends"]
__version__ = "0.1.0"

_HOMES = {
    "Beamline": "cgnmc_bluesky.beamline",
    "replay": "cgnmc_bluesky.replay",
    "trends": "cgnmc_bluesky.series",
}


def __getattr__(name: str) -> object:
    """Import what is asked for, when it is: importing the package itself stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


class _Package(ModuleType):
    """Keeps `replay` the function, although the import system sets the module of that name here."""

    def __setattr__(self, name: str, value: object) -> None:
        is_home = isinstance(value, ModuleType) and value.__name__ == _HOMES.get(name)
        super().__setattr__(name, getattr(value, name) if is_home else value)


sys.modules[__name__].__class__ = _Package
