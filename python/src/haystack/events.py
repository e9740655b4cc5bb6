"""Follows a run by server-sent events until it rests.

1. A stream that ends is opened again after the last event that was seen.
2. The run rests when the stream ends with it at rest, which the server shows after all that led to it; or when the
   server says that nothing follows (204).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from .connection import API, TIMEOUT, Connection, Passing, backoff
from .errors import ServerUnreachable
from .models import RunSummary

# Three of the server's heartbeats: a connection that is silent for so long is dead.
SILENCE = httpx.Timeout(TIMEOUT.connect, read=45)
# A server that was never reached is given up soon, one that was reached when it was lost for so many seconds.
FIRST_ATTEMPTS = 4
PATIENCE = 15 * 60


def is_at_rest(run: RunSummary) -> bool:
    return run.status in ("completed", "failed") or (run.status == "cancelled" and run.current_phase is None)


class _Following:
    """What one reader of one run has seen."""

    def __init__(self, connection: Connection, run_id: str, on_run: Callable[[RunSummary], None]) -> None:
        self._connection = connection
        self._path = f"{API}/runs/{quote(run_id, safe='')}/events"
        self._on_run = on_run
        self._last_id = ""
        self._rests = False
        self._was_reached = False
        self._lost_at: float | None = None
        self.failures = 0

    def read(self) -> None:
        """Returns when the run rests and all of it was seen. Error Passing: there is no connection."""
        while not self._read_stream():
            pass

    def _read_stream(self) -> bool:
        """One connection, to its end; whether the run rests."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_id != "":
            headers["Last-Event-ID"] = self._last_id
        is_empty = True
        with self._connection.open(self._path, headers, SILENCE) as response:
            if response.status_code == 204:
                return True
            try:
                for event in EventSource(response).iter_sse():
                    is_empty = False
                    self._take(event)
            except SSEError:
                raise self._connection.not_understood() from None
        if is_empty:
            raise Passing(
                ServerUnreachable("SERVER_UNREACHABLE", f"{self._connection.url} ends every event stream at once.")
            )
        return self._rests

    def _take(self, event: ServerSentEvent) -> None:
        self._reached()
        if event.event == "run":
            run = self._connection.understood(RunSummary, event.data)
            self._rests = is_at_rest(run)
            self._on_run(run)
        else:
            self._last_id = event.id
            self._rests = False

    def _reached(self) -> None:
        self._was_reached = True
        self._lost_at = None
        self.failures = 0

    def is_given_up(self, _: RetryCallState) -> bool:
        """A run may be without news for hours: what counts is for how long the server has been away."""
        self.failures += 1
        now = time.monotonic()
        if self._lost_at is None:
            self._lost_at = now
        if not self._was_reached:
            return self.failures >= FIRST_ATTEMPTS
        return now - self._lost_at > PATIENCE

    def wait(self, state: RetryCallState) -> float:
        return backoff(max(1, self.failures), None if state.outcome is None else state.outcome.exception())


def follow(
    connection: Connection,
    run_id: str,
    on_run: Callable[[RunSummary], None],
    on_lost: Callable[[], None] = lambda: None,
) -> None:
    """Calls `on_run` with each state of the run until it rests; `on_lost` when the connection is lost and tried again.

    Errors: those of the server, SERVER_UNREACHABLE, SERVER_NOT_UNDERSTOOD.
    """
    following = _Following(connection, run_id, on_run)
    retrying = Retrying(
        stop=following.is_given_up,
        wait=following.wait,
        retry=retry_if_exception_type(Passing),
        before_sleep=lambda _: on_lost(),
        reraise=True,
    )
    try:
        retrying(following.read)
        return
    except Passing as passing:
        error = passing.error
    raise error
