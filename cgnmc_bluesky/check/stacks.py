"""Is the section of image stacks right, and does it fit a source's runs."""

from collections.abc import Iterator, Sequence

from cgnmc_bluesky.beamline import ConfigurationError, XpeemRoles
from cgnmc_bluesky.check.findings import Finding, error, ok, warning
from cgnmc_bluesky.check.survey import Surveyed


def check_stack_section(xpeem: XpeemRoles) -> Iterator[Finding]:
    """Look at what needs no run: the mesh, the files of images."""
    if xpeem.i0 is None:
        message = "none: images are taken as divided by the beam's intensity already"
        yield warning("[xpeem] i0", message, "name the mesh's data key, unless they are")
    for name in ("dark", "flat"):
        try:
            path = xpeem.dark_path if name == "dark" else xpeem.flat_path
        except ConfigurationError as problem:
            message, _, remedy = str(problem).removeprefix(f"[xpeem] {name} ").partition("; ")
            yield error(f"[xpeem] {name}", message, remedy)
        else:
            if path is not None:
                yield ok(f"[xpeem] {name}", path.name)


def check_stack_runs(xpeem: XpeemRoles, runs: Sequence[Surveyed]) -> Iterator[Finding]:
    """Look at the runs that hold images."""
    for run in runs:
        key = run.keys.get(xpeem.image)
        if key is None:
            continue
        where = f"[xpeem] image in {run.name}"
        sides = [length for length in key.shape if length is None or length > 1]
        if len(sides) != 2:
            message = f"'{key.name}' has readings of shape {list(key.shape)}: these are no images"
            yield error(where, message, "name the key of an image with two axes")
            continue
        yield ok(where, f"'{key.name}' of shape {list(key.shape)}")
        missing = [name for name in (xpeem.energy_ev, xpeem.i0) if name and name not in run.keys]
        if missing:
            message = f"it holds images, but no {', '.join(repr(name) for name in missing)}"
            yield error(run.name, message, "record energy and mesh with every image")
