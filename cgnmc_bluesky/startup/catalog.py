"""The catalog of a session: a directory that is there at once, and is read when its server is."""

import os
from pathlib import Path
from typing import Any

from cgnmc_bluesky.catalogs import EmbeddedCatalog, done_samples, open_source

FOLDER_VARIABLE = "CGNMC_SESSION"
"""Environment variable that names the folder where sessions keep what lasts."""


def session_folder() -> Path:
    """Give the folder where sessions keep their catalog, their log and the last scan's number."""
    from platformdirs import user_data_path

    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named).expanduser() if named else user_data_path("cgnmc", appauthor=False)


class SessionCatalog(EmbeddedCatalog):
    """An embedded catalog with its raw runs at hand: `catalog[-1]` is the scan that just ended."""

    def __getitem__(self, which: int | str) -> Any:
        """Give Tiled's client of a raw run, once all that was sent to the catalog is stored.

        Parameters
        ----------
        which
            -1 for the last run, -2 for the one before; a scan's number; or the beginning of a uid.

        Raises
        ------
        SourceError
            If there is no such run.
        """
        for writer in self._writers:
            writer.flush()
        with open_source(self) as source:
            return self.client[source.find(which).uid]

    def done_samples(self, series: str) -> list[tuple[str, str]]:
        """Give what has been measured of a series, for `sample_series(..., done=...)`.

        Parameters
        ----------
        series
            Name of the series.

        Returns
        -------
        list[tuple[str, str]]
            Each sample's name with the edge at which it was measured.
        """
        for writer in self._writers:
            writer.flush()
        return done_samples(self, series)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.directory)!r})"
