"""The profile at a prompt and in a queue, each in a process of its own as a user starts it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from fakeredis import TcpFakeServer

ROOT = Path(__file__).parents[1]
GROUP = {"user_group": "primary"}
TYPED = """
RE(xanes_scan([i0, it, ir], mono, edge="Ni K", regions=[[-100, -20, 10], [-20, 80, 1]]))
RE(xrf_fly_map(xspress3, stage.x, -5, 5, 21, stage.y, -5, 5, 11, dwell_s=0.1))
RE(heating_ramp(furnace, [diffractometer], [rga], target_c=60, rate_c_per_min=20))
import json
print("FOUND", json.dumps([result.as_dict() for result in results]))
for start in (catalog[-3].start, catalog[-2].start, catalog[-1].start):
    print("STORED", start["plan_name"], start["scan_id"])

print("READ", catalog[-2]["primary"]["xs_channel1"][:].shape)
print("RAMPED", catalog[-1].start["sample"], catalog[-1].start["truth"]["t_peak_c"])
print("HELD", catalog[-1]["temperature"]["furnace_temperature"][:].max())

rows = [{"material": "gradient", "cycles": n, "edges": "Ni L3"} for n in (1, 50)]
for row, name in zip(rows, ("gradient, 1 cycle", "gradient, 50 cycles")):
    row.update(name=name, position=name)

soft = {"detectors": [gold_mesh, tey, sdd, reference], "energy": pgm, "regions": [[-10, 40, 1]]}
RE(sample_series(rows[:1], soft_sample, soft, md={"series": "aged"}))
RE(sample_series(rows, soft_sample, soft, done=catalog.done_samples, md={"series": "aged"}))
print("AGED", catalog.done_samples("aged"))
RE(xpeem_stack([peem, peem_mesh], peem_pgm, energies_ev=[845, 852, 853, 855, 865]))
print("STACKED", catalog[-1]["primary"]["peem_image"][:].shape)
"""
SERIES = {
    "table": [{"name": "a", "material": "b", "cycles": 1, "position": "NiO", "edges": "Ni L3"}],
    "scan": {"detectors": ["gold_mesh", "tey"], "energy": "pgm", "regions": [[-5, 20, 5]]},
    "md": {"series": "aged"},
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with nothing but the profile, so that what is left in it can be seen."""
    folder = tmp_path / "clone"
    shutil.copytree(
        ROOT / "profile" / "startup",
        folder / "profile" / "startup",
        ignore=shutil.ignore_patterns("README", "existing_*", "__pycache__"),
    )
    shutil.copy(ROOT / ".gitignore", folder)
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of a user without a display or a configuration."""
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "CGNMC_BEAMLINE", "MPLBACKEND"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {
        **kept,
        "CGNMC_SESSION": str(tmp_path / "session"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
    }


def untracked(clone: Path) -> str:
    status = ["git", "status", "--porcelain", "--untracked-files=all"]
    listed = subprocess.run(status, cwd=clone, check=True, capture_output=True, text=True).stdout
    return "\n".join(line for line in listed.splitlines() if not line.startswith("A  "))


def test_a_scan_at_the_prompt_gives_its_results(clone: Path, environment: dict[str, str]) -> None:
    prompt = [sys.executable, "-m", "IPython", "--profile-dir=profile", "--simple-prompt"]
    ended = subprocess.run(
        prompt,
        input=TYPED,
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    said = ended.stdout
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in said + ended.stderr
    assert 'RE(xanes_scan([i0, it, ir], mono, edge="Ni K"))' in said
    assert (
        "RE(xrf_fly_map(xspress3, stage.x, -5, 5, 101, stage.y, -5, 5, 101, dwell_s=0.01))" in said
    )
    (line,) = [line for line in said.splitlines() if "FOUND" in line]
    results = {line["analysis"]: line for line in json.loads(line.partition("FOUND ")[2])}
    assert results["edge_position"]["status"] == "final"
    assert 0 < results["ni2_fraction"]["values"]["ni2_fraction"] < 1
    assert results["mn_ni_ratio"]["values"]["mn_ni"] == pytest.approx(0.42, abs=0.05)
    assert "STORED xanes_scan 1" in said
    assert "STORED xrf_fly_map 2" in said
    assert "STORED heating_ramp 3" in said
    assert "RAMPED conventional" in said
    assert "series aged: 1 of 2 were done before" in said
    assert "AGED [('gradient, 1 cycle', 'Ni L3'), ('gradient, 50 cycles', 'Ni L3')]" in said
    assert "READ (11, 21, 4096)" in said
    assert "STACKED (5, 1, 256, 256)" in said
    assert "final" in said.partition("FOUND")[0]
    assert untracked(clone) == ""


class Queue:
    """A running queue server, asked over its own protocol and followed by what it says."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.said = ""
        self._address = address

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        with zmq.Context() as context, context.socket(zmq.REQ) as channel:
            channel.setsockopt(zmq.RCVTIMEO, 10_000)
            channel.connect(self._address)
            channel.send_json({"method": method, "params": parameters})
            answer: dict[str, Any] = channel.recv_json()
        assert answer["success"], f"{answer['msg']}\n{self.said}"
        return answer

    def follow(self, until: str) -> None:
        """Read what it says up to a line that holds some words."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if until in line:
                return
        raise AssertionError(f"the queue server ended before it said {until!r}:\n{self.said}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def redis_port() -> Iterator[int]:
    """A server that speaks redis' protocol, so that none need be installed."""
    server = TcpFakeServer(("127.0.0.1", 0))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def plan_queue(clone: Path, environment: dict[str, str], redis_port: int) -> Iterator[Queue]:
    address = f"tcp://127.0.0.1:{free_port()}"
    options = {
        "startup-dir": clone / "profile" / "startup",
        "redis-addr": f"127.0.0.1:{redis_port}",
        "zmq-control-addr": address,
        "zmq-info-addr": f"tcp://127.0.0.1:{free_port()}",
    }
    manager = "from bluesky_queueserver.manager.start_manager import start_manager; start_manager()"
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", manager),
            *(f"--{name}={value}" for name, value in options.items()),
        ],
        cwd=clone,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        yield Queue(process, address)
        process.terminate()


def queued(name: str, *arguments: Any, **options: Any) -> dict[str, Any]:
    plan = {"item_type": "plan", "name": name, "args": list(arguments), "kwargs": options}
    return {"item": plan, "user": "tester", **GROUP}


def test_the_same_startup_serves_a_queue(plan_queue: Queue, clone: Path) -> None:
    plan_queue.follow("ZeroMQ server is waiting")
    plan_queue.ask("environment_open")
    plan_queue.follow("Worker started successfully")
    while "xanes_scan" not in plan_queue.ask("plans_allowed", **GROUP)["plans_allowed"]:
        pass  # the manager fetches its list of plans a moment after it says so
    plan_queue.ask("queue_item_add", **queued("measure_dark", ["i0", "it"], "shutter", num=2))
    plan_queue.ask(
        "queue_item_add",
        **queued("xanes_scan", ["i0", "it", "ir"], "mono", regions=[[-20, 80, 2]]),
    )
    area = ["xspress3", "stage.x", -5, 5, 11, "stage.y", -5, 5, 3]
    plan_queue.ask("queue_item_add", **queued("xrf_fly_map", *area, dwell_s=0.1))
    plan_queue.ask("queue_item_add", **queued("sample_series", holder="soft_sample", **SERIES))
    again = {**SERIES, "done": "catalog.done_samples"}
    plan_queue.ask("queue_item_add", **queued("sample_series", holder="soft_sample", **again))
    plan_queue.ask("queue_start")
    plan_queue.follow("Queue is empty")
    done = [item["result"] for item in plan_queue.ask("history_get")["items"]]
    assert [result["exit_status"] for result in done] == ["completed"] * 5
    assert [result["scan_ids"] for result in done] == [[1], [2], [3], [4], []]
    assert "edge position" in plan_queue.said
    plan_queue.ask("environment_close")
    plan_queue.follow("environment was closed successfully")
    plan_queue.ask("manager_stop", option="safe_off")
    plan_queue.process.wait(30)
    assert untracked(clone) == ""
