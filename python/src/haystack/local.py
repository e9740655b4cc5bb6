"""A daemon of one's own on this machine, for as long as the notebook needs it."""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from . import keeper
from .client import Haystack
from .connection import Connection
from .errors import HaystackError, LocalError
from .program import CANNOT_START, Program, find_program
from .validation import Validation, validate

DATA_DIR = "haystack-data"
# Longer than the daemon gives its steps to end (GRACE_SECONDS).
STOP_SECONDS = 60
START_SECONDS = 120
TOKEN_DAYS = 30


class LocalHaystack(Haystack):
    """A daemon that ends when this is closed, or when Python ends."""

    def __init__(
        self, connection: Connection, program: Program, data_dir: Path, daemon: _Daemon, token_id: str | None
    ) -> None:
        super().__init__(connection)
        self._program = program
        self._daemon = daemon
        self._token_id = token_id
        self.data_dir = data_dir
        atexit.register(self.close)

    def close(self) -> None:
        atexit.unregister(self.close)
        super().close()
        self._daemon.stop()
        if self._token_id is not None:
            self._program.json("token", "revoke", self._token_id, "--data-dir", str(self.data_dir))
            self._token_id = None

    def import_atlas(self, file: str | Path, **options: str) -> dict[str, Any]:
        """Imports an annotated .h5ad file, and tells what was found in it.

        `options` are those of `haystack atlas import`, such as cell_type_column="cluster". Errors: those of the import.
        """
        return import_atlas(self._program, self.data_dir, file, options)

    def validate(self, atlas: str | Path, **options: Any) -> Validation:
        """Withholds measured responses of a file, predicts them, and compares with the truth; see haystack.validate."""
        return validate(atlas, data_dir=self.data_dir, program=self._program.command[-1], **options)


class _Daemon:
    """The process of `haystack serve`, kept by one that ends it when this process ends, however it ends."""

    def __init__(self, program: Program, data_dir: Path, auth: str) -> None:
        self._log: deque[str] = deque(maxlen=200)
        self._address: queue.Queue[str | None] = queue.Queue()
        serve = [*program.command, "serve", "--data-dir", str(data_dir)]
        settings = {"HTTP_HOST": "127.0.0.1", "HTTP_PORT": "0", "AUTH": auth, "LOG_FORMAT": "json", "LOG_LEVEL": "info"}
        # An interrupt of the notebook or the terminal is none of the daemon: it has a session of its own.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(keeper.__file__), *serve],
            env={**os.environ, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._log.append(line)
            url = _address_in(line)
            if url is not None:
                self._address.put(url)
        self._address.put(None)

    def address(self) -> str:
        """Error: what the daemon said last, where it ended or does not begin."""
        try:
            url = self._address.get(timeout=START_SECONDS)
        except queue.Empty:
            url = None
        if url is None:
            self.stop()
            raise LocalError("NOT_READY", _reason(self._log) or CANNOT_START)
        return url

    def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _address_in(line: str) -> str | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    url = entry.get("url") if isinstance(entry, dict) else None
    return url if isinstance(url, str) else None


def _reason(log: Iterable[str]) -> str:
    """What it said last, in words and not as an entry of the log."""
    said = [line.strip() for line in log if line.strip() != "" and not line.startswith("{")]
    return said[-1].removeprefix("haystack: ") if said else ""


def _new_token(program: Program, data_dir: Path, owner: str) -> tuple[SecretStr, str]:
    made = program.json("token", "create", "--owner", owner, "--days", str(TOKEN_DAYS), "--data-dir", str(data_dir))
    return SecretStr(made["token"]), made["id"]


def import_atlas(program: Program, data_dir: Path, file: str | Path, options: dict[str, str]) -> dict[str, Any]:
    flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    return program.json("atlas", "import", str(file), "--data-dir", str(data_dir), *flags)


def local(
    *,
    atlas: str | Path | Sequence[str | Path] = (),
    data_dir: str | Path = DATA_DIR,
    owner: str | None = None,
    program: str | Path | None = None,
) -> LocalHaystack:
    """Starts a daemon on a free port of this machine, and waits until it is ready. It ends with Python, or `close()`.

    `atlas`: files to import first; a file that was imported before is not imported again. `data_dir`: where runs,
    atlases and results stay. Without `owner` the daemon asks nobody to sign in, as `haystack serve` does: whoever can
    log in to this machine can use it. With an e-mail address as `owner` it needs a token, which this connection has.
    `program`: the `haystack` program, where it is not on the PATH.

    Errors: LocalError where Node or the program is missing, or the daemon does not begin; those of the import.
    """
    found = find_program(program)
    folder = Path(data_dir).resolve()
    for file in [atlas] if isinstance(atlas, (str, Path)) else atlas:
        import_atlas(found, folder, file, {})
    with ExitStack() as undone:
        secret, token_id = (None, None) if owner is None else _new_token(found, folder, owner)
        if token_id is not None:
            undone.callback(_revoke, found, folder, token_id)
        daemon = _Daemon(found, folder, "none" if secret is None else "token")
        undone.callback(daemon.stop)
        connection = Connection(httpx.URL(daemon.address()), secret)
        connection.wait_until_ready()
        undone.pop_all()
    return LocalHaystack(connection, found, folder, daemon, token_id)


def _revoke(program: Program, data_dir: Path, token_id: str) -> None:
    """After what is told already: trouble of its own is not."""
    with suppress(HaystackError, OSError):
        program.json("token", "revoke", token_id, "--data-dir", str(data_dir))
