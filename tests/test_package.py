"""The package as others get it: what is in it, what it imports, that it works outside the clone."""

import ast
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import cgnmc_bluesky

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "cgnmc_bluesky"
LINKS = ("plans", "callbacks")

# Written so that this file does not name what it looks for.
PACKAGE_INDEX = re.compile(
    r"index[-]url|py(?:pi|thonhosted)\.org|npm(?:js)\.(?:org|com)|(?:deb|security)\.(?:debian)\.org"
)


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """Run a command with hardly any environment; its output."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cwd), **variables}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def tracked_files() -> list[Path]:
    names = run("git", "-c", "safe.directory=*", "ls-files", "-z", cwd=ROOT).split("\0")
    return [ROOT / name for name in names if name]


def source_files() -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix in {".py", ".xdi", ".toml", ".typed"}
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel installed into a folder of its own, which stands before the clone on the path."""
    folder = tmp_path_factory.mktemp("site")
    [wheel] = built.glob("*.whl")
    options = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "install", *options, "--target", folder, wheel, cwd=folder)
    return folder


def test_wheel_holds_the_package_and_nothing_beside_it(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names >= source_files()
    assert {name.split("/")[0] for name in names} == {"cgnmc_bluesky"}


def test_source_distribution_holds_the_real_folders_not_the_links(built: Path) -> None:
    [sdist] = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= source_files()
    assert names >= {"LICENSE", "README.md", "constraints.txt", "tests/test_package.py"}
    assert not {name.split("/")[0] for name in names} & set(LINKS)


def test_installed_package_is_imported_from_where_it_was_installed(installed: Path) -> None:
    code = "import cgnmc_bluesky; print(cgnmc_bluesky.__file__, cgnmc_bluesky.__version__)"
    where, version = run(
        sys.executable, "-c", code, cwd=installed.parent, PYTHONPATH=str(installed)
    ).split()
    assert Path(where).parent.parent == installed
    assert version == cgnmc_bluesky.__version__


def test_installed_simulator_finds_its_data_outside_the_clone(installed: Path) -> None:
    code = "from cgnmc_bluesky.sim import SimulatedBeamline; print(SimulatedBeamline().mono.name)"
    said = run(sys.executable, "-c", code, cwd=installed.parent, PYTHONPATH=str(installed))
    assert said.split() == ["mono"]


def test_installed_command_tells_its_version(installed: Path) -> None:
    said = run(
        sys.executable,
        installed / "bin" / "cgnmc",
        "--version",
        cwd=installed.parent,
        PYTHONPATH=str(installed),
    )
    assert cgnmc_bluesky.__version__ in said


def test_version_of_the_installation_is_the_package_s() -> None:
    assert metadata.version("cgnmc-bluesky") == cgnmc_bluesky.__version__


@pytest.mark.parametrize(
    "statement",
    [
        "import cgnmc_bluesky",
        "from cgnmc_bluesky import Beamline, replay",
        "import cgnmc_bluesky.cli",
    ],
)
def test_importing_brings_no_heavy_library(statement: str, tmp_path: Path) -> None:
    code = f"import sys; {statement}; print(*sys.modules)"
    loaded = set(run(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(ROOT)).split())
    assert "cgnmc_bluesky" in loaded
    assert not loaded & {"larch", "tiled", "matplotlib", "ophyd", "pint", "xraydb", "databroker"}
    # Either takes half a second.
    assert not loaded & {"scipy.signal", "scipy.stats"}


@pytest.mark.parametrize("name", LINKS)
def test_link_at_the_top_leads_into_the_package(name: str) -> None:
    link = ROOT / name
    assert link.is_symlink()
    assert link.readlink() == Path("cgnmc_bluesky") / name
    assert link.resolve() == (PACKAGE / name).resolve()


def test_nothing_is_imported_through_the_links() -> None:
    through = []
    for path in tracked_files():
        if path.suffix != ".py" or path.is_symlink():
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            through += [f"{path}:{node.lineno}" for name in names if name.split(".")[0] in LINKS]
    assert not through


def test_no_file_names_a_package_index_or_a_folder_of_this_machine() -> None:
    folders = (f"{ROOT.parent}/", f"{Path.home()}/")
    named = []
    for path in tracked_files():
        if path.is_symlink() or b"\0" in (content := path.read_bytes()):
            continue
        text = content.decode()
        if PACKAGE_INDEX.search(text) or any(folder in text for folder in folders):
            named.append(path)
    assert not named


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.+!]+", line)] == []


def test_constraints_hold_every_requirement() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    names = {re.split(r"[^\w-]", wanted)[0].lower() for group in groups for wanted in group}
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    assert names - pinned == {"cgnmc-bluesky"}


def test_whatever_the_package_imports_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[<>=]", wanted)[0] for wanted in project["dependencies"]}
    distributions = metadata.packages_distributions()
    imported = {name for path in PACKAGE.rglob("*.py") for name in imports_of(path)}
    others = imported - sys.stdlib_module_names - {"cgnmc_bluesky"}
    assert {
        name
        for name in others
        if declared.isdisjoint(found.lower() for found in distributions[name])
    } == set()


def imports_of(path: Path) -> set[str]:
    """The packages that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    whole = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    parts = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in (*whole, *parts)}


def test_profile_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "profile" / "__init__.py").exists()
