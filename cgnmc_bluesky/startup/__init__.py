"""What an IPython profile, a queue or a script calls to have a beamline's session at hand."""

from cgnmc_bluesky.startup.catalog import SessionCatalog, session_folder
from cgnmc_bluesky.startup.devices import devices_from, simulated_devices
from cgnmc_bluesky.startup.engine import make_run_engine
from cgnmc_bluesky.startup.results import Results
from cgnmc_bluesky.startup.session import Session, live, open_session

__all__ = [
    "Results",
    "Session",
    "SessionCatalog",
    "devices_from",
    "live",
    "make_run_engine",
    "open_session",
    "session_folder",
    "simulated_devices",
]
