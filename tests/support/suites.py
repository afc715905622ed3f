"""Data directories for suites whose databases are made already: `initdb` and every service's migrations run once a run."""

import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from deploy.embedded.supervisor import Suite, SuiteSettings

_state: dict[str, Any] = {}
_lock = threading.Lock()


def prepared(data_dir: Path) -> Path:
    """The same folder, with a PostgreSQL in it that holds empty databases of the newest schema; a suite starts on it."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Each takes a port of its own, and begins a log.
    shutil.copytree(_made(), data_dir / "postgres", ignore=shutil.ignore_patterns("port", "server.log"))
    return data_dir


def forget() -> None:
    with _lock:
        if _state:
            shutil.rmtree(_state.pop("folder"), ignore_errors=True)
            _state.clear()


def _made() -> Path:
    with _lock:
        if not _state:
            folder = Path(tempfile.mkdtemp(prefix="touchstone-suite-"))
            suite = Suite(SuiteSettings(data_dir=folder / "data", durable=False))
            with suite.postgres, ThreadPoolExecutor(1) as apart:  # Alembic runs an event loop of its own
                apart.submit(suite.migrate).result()
            _state.update(folder=folder, made=suite.postgres.data_dir)
        made: Path = _state["made"]
        return made
