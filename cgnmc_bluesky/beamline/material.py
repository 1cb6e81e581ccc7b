"""What the materials of a series consist of where a technique cannot tell."""

from typing import Annotated, Self

from annotated_types import Ge, Le
from pydantic import model_validator

from cgnmc_bluesky.beamline.errors import ConfigurationError
from cgnmc_bluesky.beamline.section import Key, Number, Section

_ROUNDING = 0.02
Share = Annotated[Number, Ge(0.0), Le(1.0)]


class Surface(Section):
    """Shares of the metals at a material's surface, which add up to one.

    Parameters
    ----------
    ni, mn, co
        The shares.
    """

    ni: Share
    mn: Share
    co: Share

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.ni + self.mn + self.co
        if abs(total - 1) > _ROUNDING:
            raise ConfigurationError(
                f"shares of Ni, Mn and Co add up to {total:g}; let them add up to 1"
            )
        return self


class Material(Section):
    """A material, by the name that runs give it.

    Parameters
    ----------
    name
        As start documents have it under `material`.
    surface
        What its surface consists of.
    """

    name: Key
    surface: Surface
