"""The process of an embedded catalog: a Tiled server on the loopback interface.

It reads one line of JSON from standard input (`directory`, `readable`, `port`, `api_key`), answers
with one line (`uri` or `error`) and serves until standard input is closed, which the end of its
parent does, and no other process uses it any longer.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

DATABASE = "catalog.db"
UNFINISHED = "catalog.db.unfinished"
USERS = "server.users"
TABLES = "storage.duckdb"
ARRAYS = "data"


def main() -> None:
    """Serve as standard input tells, until it is closed."""
    settings = json.loads(sys.stdin.readline())
    running = _Running(Path(settings["directory"]) / USERS)
    threading.Thread(target=running.until_end_of_input, daemon=True).start()
    try:
        _serve(settings, running)
    except Exception as error:
        # whoever started this process waits for one line, whatever went wrong
        _answer(error=f"{type(error).__name__}: {error}".partition("\n")[0])
        raise
    # all is stored and closed; to take its modules apart costs the interpreter another 1.5 s
    sys.stderr.flush()
    os._exit(0)


class _Running:
    """The server once there is one, and the end of its standard input."""

    def __init__(self, users: Path) -> None:
        self.server: Any = None
        self._users = users

    def until_end_of_input(self) -> None:
        sys.stdin.read()
        if self.server is None:
            os._exit(1)
        with self._users.open("a", encoding="utf-8") as file:
            with contextlib.suppress(OSError):
                # whoever uses the server holds a share of this lock
                fcntl.flock(file, fcntl.LOCK_EX)
            self.server.should_exit = True
            threading.Event().wait()


def _serve(settings: dict[str, Any], running: _Running) -> None:
    import uvicorn

    app = _application(Path(settings["directory"]), settings["readable"], settings["api_key"])
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=settings["port"],
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                port = self.servers[0].sockets[0].getsockname()[1]
                _answer(uri=f"http://127.0.0.1:{port}")

    running.server = server = Server(config)
    try:
        server.run()
    finally:
        if not server.started:
            _answer(error=f"port {settings['port']} cannot be served; is it in use?")


def _application(directory: Path, readable: list[str], api_key: str) -> Any:
    from bluesky_tiled_plugins.exporters import json_seq_exporter
    from tiled.catalog import from_uri
    from tiled.config import Authentication, StreamingCacheConfig
    from tiled.media_type_registration import default_serialization_registry
    from tiled.server.app import build_app
    from tiled.utils import ensure_uri

    (directory / ARRAYS).mkdir(parents=True, exist_ok=True)
    _make_database(directory / DATABASE)
    tree = from_uri(
        str(directory / DATABASE),
        specs=[{"name": "CatalogOfBlueskyRuns", "version": "3.0"}],
        writable_storage=[
            str(directory / ARRAYS),
            ensure_uri(f"duckdb:///{directory / TABLES}"),
        ],
        readable_storage=[str(directory), *readable],
        cache_config=StreamingCacheConfig(uri="memory").model_dump(),
    )
    registry = deepcopy(default_serialization_registry)
    registry.register("BlueskyRun", "application/json-seq", json_seq_exporter)
    return build_app(
        tree,
        authentication=Authentication(single_user_api_key=api_key),
        serialization_registry=registry,
    )


def _make_database(path: Path) -> None:
    """Check the database; where there is none, create it whole or not at all."""
    from sqlalchemy.ext.asyncio import create_async_engine
    from tiled.alembic_utils import check_database, stamp_head
    from tiled.catalog.alembic_constants import ALEMBIC_DIR, ALEMBIC_INI_TEMPLATE_PATH
    from tiled.catalog.core import ALL_REVISIONS, REQUIRED_REVISION, initialize_database

    async def with_engine(uri: str, do: Callable[[Any], Awaitable[None]]) -> None:
        engine = create_async_engine(uri)
        try:
            await do(engine)
        finally:
            await engine.dispose()

    if path.exists():
        check = partial(
            check_database, required_revision=REQUIRED_REVISION, known_revisions=ALL_REVISIONS
        )
        asyncio.run(with_engine(f"sqlite+aiosqlite:///{path}", check))
        return
    unfinished = path.with_name(UNFINISHED)
    unfinished.unlink(missing_ok=True)
    uri = f"sqlite+aiosqlite:///{unfinished}"
    asyncio.run(with_engine(uri, initialize_database))
    stamp_head(ALEMBIC_INI_TEMPLATE_PATH, ALEMBIC_DIR, uri)
    unfinished.replace(path)


def _answer(**line: str) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
