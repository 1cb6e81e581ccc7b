"""Collects the code blocks of the documentation as tests; leaves the links at the top alone.

The blocks of one page run in their order, in a folder of their own that looks like a clone of the
repository: `examples/` and `profile/` are there, and the measured data beside it as `../shared`.
The tutorial's simulated beamtime is made once, for the page and for the tests that look closer.
Python blocks share one namespace a page; `toml` blocks must be valid configurations, and `json`
blocks one object a line. What a page has to prepare unseen stands in an HTML comment
(`<!--- invisible-code-block: python`).
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sybil import Example, Sybil
from sybil.integration import pytest as collecting
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

ROOT = Path(__file__).parent
SHARED = ROOT.parent / "shared"

# Threads of linear algebra that have nothing to do sleep at once; by themselves they keep turning
# for a tenth of a second, on processors that the tests beside them and their processes need.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

collect_ignore = ["plans", "callbacks"]
# They are loaded as they are; collected for doctests, several of one name would clash.
collect_ignore_glob = ["tests/conftest.py", "tests/*/conftest.py"]

DEMO = ("demo", "--out", "beamtime")

# What make would run is tested by running the tests; that the target exists is tested here.
MAKE = f'make() {{ command make --dry-run --directory "{ROOT}" "$@" > make.txt; }}\n'


class Beamtime(NamedTuple):
    """What `cgnmc demo` left."""

    folder: Path
    status: int
    out: str
    err: str
    left_running: list[str]
    """Command lines of processes that still held one of its files when it had ended."""


@pytest.fixture(scope="session")
def beamtime(tmp_path_factory: pytest.TempPathFactory) -> Beamtime:
    """A simulated beamtime that ended well or not, for reading: it takes a minute.

    The workers of a parallel run share one, made by the first that asks.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / "demo"
    folder.mkdir(exist_ok=True)
    said = folder / "said.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            done = subprocess.run(
                [sys.executable, "-m", "cgnmc_bluesky", *DEMO],
                cwd=folder,
                env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            left = _processes_on(folder / DEMO[-1])
            said.write_text(json.dumps([done.returncode, done.stdout, done.stderr, left]))
    return Beamtime(folder / DEMO[-1], *json.loads(said.read_text()))


@pytest.fixture(scope="session")
def processes_on() -> Callable[[Path], list[str]]:
    """Tells the command lines of processes that hold a file below a folder open."""
    return _processes_on


def _processes_on(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        try:
            files = [os.readlink(link) for link in (process / "fd").iterdir()]
        except OSError:
            continue
        if process.name.isdecimal() and any(str(folder) in file for file in files):
            found.append((process / "cmdline").read_text())
    return found


def enter_folder(namespace: dict[str, Any]) -> None:
    folder = namespace["_folder"] = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    around = Path(folder.name)
    shutil.copytree(ROOT / "examples", around / "clone" / "examples")
    shutil.copytree(ROOT / "profile" / "startup", around / "clone" / "profile" / "startup")
    if SHARED.is_dir():
        (around / "shared").symlink_to(SHARED)
    patch = namespace["_patch"] = pytest.MonkeyPatch()
    patch.chdir(around / "clone")
    # Sessions and logs go beside the clone, not to the folders of whoever runs the tests.
    patch.setenv("CGNMC_SESSION", str(around / "session"))
    patch.setenv("XDG_STATE_HOME", str(around / "state"))


def leave_folder(namespace: dict[str, Any]) -> None:
    namespace["_patch"].undo()
    namespace["_folder"].cleanup()


def run_shell(example: Example) -> None:
    script = str(example.parsed)
    if "../shared" in script and not SHARED.is_dir():
        pytest.skip(f"no measured data: {SHARED} is not there")
    demo = f"cgnmc {' '.join(DEMO)}\n"
    if "beamtime" in example.namespace and demo in script:
        beamtime: Beamtime = example.namespace["beamtime"]
        assert beamtime.status == 0, f"{beamtime.out}\n{beamtime.err}"
        script = script.replace(demo, f"ln -s '{beamtime.folder}' {DEMO[-1]}\n")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", MAKE + script],
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


def read_toml(example: Example) -> None:
    from cgnmc_bluesky import Beamline

    Beamline.from_dict(tomllib.loads(str(example.parsed)), folder=Path.cwd())


def read_json_lines(example: Example) -> None:
    for line in str(example.parsed).splitlines():
        assert isinstance(json.loads(line), dict)


def _pages(*patterns: str, excludes: tuple[str, ...] = (), fixtures: tuple[str, ...] = ()) -> Sybil:
    return Sybil(
        parsers=[
            PythonCodeBlockParser(),
            CodeBlockParser("bash", run_shell),
            CodeBlockParser("toml", read_toml),
            CodeBlockParser("json", read_json_lines),
        ],
        patterns=patterns,
        excludes=excludes,
        setup=enter_folder,
        teardown=leave_folder,
        fixtures=fixtures,
    )


pytest_collect_file = collecting.pytest_integration(
    _pages("docs/tutorial/*.md", fixtures=("beamtime",)),
    _pages("README.md", "docs/*.md", "docs/**/*.md", excludes=("docs/tutorial/*.md",)),
)
