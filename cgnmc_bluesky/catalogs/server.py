"""The process of an embedded catalog: a Tiled server on the loopback interface.

It reads one line of JSON from standard input (`directory`, `readable`, `port`, `api_key`), answers
with one line (`uri` or `error`) and serves until standard input is closed, which the end of its
parent does.
"""

import asyncio
import json
import sys
import threading
from copy import deepcopy
from pathlib import Path
from typing import Any

DATABASE = "catalog.db"
TABLES = "storage.duckdb"
ARRAYS = "data"


def main() -> None:
    """Serve as standard input tells, until it is closed."""
    settings = json.loads(sys.stdin.readline())
    try:
        _serve(settings)
    except Exception as error:
        # whoever started this process waits for one line, whatever went wrong
        _answer(error=f"{type(error).__name__}: {error}")
        raise


def _serve(settings: dict[str, Any]) -> None:
    import uvicorn

    app = _application(Path(settings["directory"]), settings["readable"], settings["api_key"])
    config = uvicorn.Config(
        app, host="127.0.0.1", port=settings["port"], log_level="warning", access_log=False
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if not self.should_exit:
                port = self.servers[0].sockets[0].getsockname()[1]
                _answer(uri=f"http://127.0.0.1:{port}")

    server = Server(config)
    threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    server.run()
    if not server.started:
        _answer(error=f"port {settings['port']} cannot be served; is it in use?")


def _stop_at_end_of_input(server: Any) -> None:
    sys.stdin.read()
    server.should_exit = True


def _application(directory: Path, readable: list[str], api_key: str) -> Any:
    from bluesky_tiled_plugins.exporters import json_seq_exporter
    from tiled.catalog import from_uri
    from tiled.config import Authentication, StreamingCacheConfig
    from tiled.media_type_registration import default_serialization_registry
    from tiled.server.app import build_app
    from tiled.utils import ensure_uri

    (directory / ARRAYS).mkdir(parents=True, exist_ok=True)
    _make_database(f"sqlite+aiosqlite:///{directory / DATABASE}")
    tree = from_uri(
        str(directory / DATABASE),
        specs=[{"name": "CatalogOfBlueskyRuns", "version": "3.0"}],
        writable_storage=[
            str(directory / ARRAYS),
            ensure_uri(f"duckdb:///{directory / TABLES}"),
        ],
        readable_storage=readable,
        cache_config=StreamingCacheConfig(uri="memory").model_dump(),
    )
    registry = deepcopy(default_serialization_registry)
    registry.register("BlueskyRun", "application/json-seq", json_seq_exporter)
    return build_app(
        tree,
        authentication=Authentication(single_user_api_key=api_key),
        serialization_registry=registry,
    )


def _make_database(uri: str) -> None:
    """Create the tables where there are none, and finish what an interrupted start began."""
    from sqlalchemy.ext.asyncio import create_async_engine
    from tiled.alembic_utils import UninitializedDatabase, check_database, stamp_head
    from tiled.catalog.alembic_constants import ALEMBIC_DIR, ALEMBIC_INI_TEMPLATE_PATH
    from tiled.catalog.core import ALL_REVISIONS, REQUIRED_REVISION, initialize_database

    async def create() -> bool:
        engine = create_async_engine(uri)
        try:
            await check_database(engine, REQUIRED_REVISION, ALL_REVISIONS)
        except UninitializedDatabase:
            await initialize_database(engine)
            return True
        finally:
            await engine.dispose()
        return False

    if asyncio.run(create()):
        stamp_head(ALEMBIC_INI_TEMPLATE_PATH, ALEMBIC_DIR, uri)


def _answer(**line: str) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
