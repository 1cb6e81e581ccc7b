"""Collects the code blocks of the documentation as tests; leaves the links at the top alone.

The blocks of one page run in their order, in a folder of their own that looks like a clone of the
repository: `examples/` and `profile/` are there, and the measured data beside it as `../shared`.
Python blocks share one namespace a page; `toml` blocks must be valid configurations, and `json`
blocks one object a line. What a page has to prepare unseen stands in an HTML comment
(`<!--- invisible-code-block: python`).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

ROOT = Path(__file__).parent
SHARED = ROOT.parent / "shared"

collect_ignore = ["plans", "callbacks"]
# They are loaded as they are; collected for doctests, several of one name would clash.
collect_ignore_glob = ["tests/conftest.py", "tests/*/conftest.py"]

# What make would run is tested by running the tests; that the target exists is tested here.
MAKE = f'make() {{ command make --dry-run --directory "{ROOT}" "$@" > make.txt; }}\n'


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


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(),
        CodeBlockParser("bash", run_shell),
        CodeBlockParser("toml", read_toml),
        CodeBlockParser("json", read_json_lines),
    ],
    patterns=["README.md", "docs/*.md", "docs/**/*.md"],
    setup=enter_folder,
    teardown=leave_folder,
).pytest()
