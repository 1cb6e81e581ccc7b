"""Channel Access between processes, on loopback and on a port of its own."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


def loopback() -> dict[str, str]:
    """Environment in which clients find the servers that run in it, and no others."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    return {
        **os.environ,
        "EPICS_CA_ADDR_LIST": "127.0.0.1",
        "EPICS_CA_AUTO_ADDR_LIST": "NO",
        "EPICS_CA_SERVER_PORT": port,
        "EPICS_CAS_SERVER_PORT": port,
        "EPICS_CAS_INTF_ADDR_LIST": "127.0.0.1",
        "OPHYD_CONTROL_LAYER": "caproto",
    }


@contextmanager
def serving(code: str, environment: Mapping[str, str]) -> Iterator[list[str]]:
    """Run a server, and give the names in the first line that it says; it may not fail."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=environment, **pipes) as server:
        yield server.stdout.readline().split()
        server.terminate()
        _, log = server.communicate(timeout=20)
    assert "Traceback" not in log
