"""One server's HTTP API: time limits, retries of what passes by itself, and its errors as ours.

1. The token leaves this module in one header of requests to the server, and in nothing else: no text, no log, no error.
2. Errors of httpx stay here, because their frames hold the header.
3. What may pass is tried again; a request that creates a run carries an Idempotency-Key, so that it creates one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from random import uniform
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from .address import is_loopback
from .errors import HaystackError, ServerNotUnderstood, ServerUnreachable, error_of
from .models import ErrorCode

API = "/api/v1"
TIMEOUT = httpx.Timeout(30, connect=10)
ATTEMPTS = 4
FIRST_BACKOFF = 0.25
LONGEST_BACKOFF = 10.0
# A server may ask for a longer pause than our own.
LONGEST_WAIT = 60.0
PASSING = frozenset([429, 502, 503, 504])

Result = TypeVar("Result")
Model = TypeVar("Model", bound=BaseModel)

_codes: TypeAdapter[str] = TypeAdapter(ErrorCode)


class Passing(Exception):
    """Trouble that may pass by itself, and for how many seconds the server asks to wait."""

    def __init__(self, error: HaystackError, wait: float = 0) -> None:
        super().__init__(error)
        self.error = error
        self.wait = wait


def backoff(failures: int, passing: BaseException | None) -> float:
    """Seconds until the next attempt: longer after each failure, or as long as the server asks, within reason."""
    own = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** min(failures - 1, 10)) * uniform(0.75, 1.25)
    return max(own, min(passing.wait, LONGEST_WAIT)) if isinstance(passing, Passing) else own


def _wait(state: RetryCallState) -> float:
    return backoff(state.attempt_number, None if state.outcome is None else state.outcome.exception())


def patiently(work: Callable[[], Result]) -> Result:
    """Does the work again while its trouble may pass."""
    retrying = Retrying(
        stop=stop_after_attempt(ATTEMPTS), wait=_wait, retry=retry_if_exception_type(Passing), reraise=True
    )
    try:
        return retrying(work)
    except Passing as passing:
        error = passing.error
    raise error


class _Ready(BaseModel):
    status: str


class _Bearer(httpx.Auth):
    def __init__(self, token: SecretStr) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        yield request


class Connection:
    """`url` as server_address gives it."""

    def __init__(self, url: httpx.URL, token: SecretStr | None) -> None:
        self.url = str(url).rstrip("/")
        self._token = token
        # What goes to this machine passes no proxy.
        environment = not is_loopback(url.host)
        agent = {"User-Agent": f"haystack-client/{version('haystack-client')}"}
        self._server = httpx.Client(
            auth=None if token is None else _Bearer(token), headers=agent, timeout=TIMEOUT, trust_env=environment
        )
        # Signed links lead to other places, which the token is none of the business of.
        self._elsewhere = httpx.Client(headers=agent, timeout=TIMEOUT)

    @property
    def has_token(self) -> bool:
        return self._token is not None

    def __repr__(self) -> str:
        return f"Connection({self.url!r})"

    def close(self) -> None:
        self._server.close()
        self._elsewhere.close()

    def get(self, model: type[Model], path: str, params: dict[str, Any] | None = None) -> Model:
        """`path` below /api/v1. Errors: those of the server, SERVER_UNREACHABLE, SERVER_NOT_UNDERSTOOD."""
        return self._ask(model, "GET", f"{API}{path}", params=params)

    def wait_until_ready(self) -> None:
        """Errors as of `get`."""
        self._ask(_Ready, "GET", "/readyz")

    def post(self, model: type[Model], path: str, body: Any = None, headers: dict[str, str] | None = None) -> Model:
        """Errors as of `get`."""
        return self._ask(model, "POST", f"{API}{path}", headers=headers, **({} if body is None else {"json": body}))

    def _ask(self, model: type[Model], method: str, path: str, **request: Any) -> Model:
        def once() -> Model:
            with self.telling():
                response = self._server.request(method, f"{self.url}{path}", **request)
            self.refuse(response)
            return self.understood(model, response.text)

        return patiently(once)

    @contextmanager
    def open(self, url: str, headers: dict[str, str], timeout: httpx.Timeout = TIMEOUT) -> Iterator[httpx.Response]:
        """One attempt at an answer whose body the caller reads. `url`: a path on the server, or an address elsewhere.

        Errors as of `get`, those that may pass as Passing.
        """
        is_elsewhere = not url.startswith("/")
        client = self._elsewhere if is_elsewhere else self._server
        with (
            self.telling(),
            client.stream(
                "GET", url if is_elsewhere else f"{self.url}{url}", headers=headers, timeout=timeout
            ) as response,
        ):
            if response.is_error:
                response.read()
            self.refuse(response)
            yield response

    @contextmanager
    def telling(self) -> Iterator[None]:
        """What fails on the way to or from the server may pass; an answer that is garbled does not."""
        why: str | None = None
        is_interrupted = False
        try:
            yield
            return
        except httpx.TimeoutException:
            why = "it does not answer"
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
        except KeyboardInterrupt:
            is_interrupted = True
        except httpx.RequestError:
            pass
        if is_interrupted:
            raise KeyboardInterrupt from None
        if why is None:
            raise self.not_understood() from None
        sentence = (
            f"The server at {self.url} cannot be reached ({why}); check the address, the network and the daemon there."
        )
        raise Passing(ServerUnreachable("SERVER_UNREACHABLE", sentence)) from None

    def understood(self, model: type[Model], text: str) -> Model:
        try:
            return model.model_validate_json(text)
        except ValidationError:
            pass
        raise self.not_understood()

    def not_understood(self) -> HaystackError:
        return ServerNotUnderstood(
            "SERVER_NOT_UNDERSTOOD",
            f"The server at {self.url} gave an answer that this release does not understand;"
            " check the address, and use the same release on both sides.",
        )

    def refuse(self, response: httpx.Response) -> None:
        """Raises what the server says, or what is to be said of a server that is none of ours."""
        if response.is_success:
            return
        error = _told(response) or self._strange(response)
        if response.status_code in PASSING:
            raise Passing(error, _seconds(response.headers.get("Retry-After")))
        raise error

    def _strange(self, response: httpx.Response) -> HaystackError:
        status = response.status_code
        if status in PASSING:
            return ServerUnreachable(
                "SERVER_UNREACHABLE",
                f"The proxy at {self.url} has no daemon behind it (HTTP status {status}); check the daemon there.",
            )
        if response.is_redirect:
            there = response.url.join(response.headers.get("Location", ""))
            return ServerNotUnderstood(
                "SERVER_NOT_UNDERSTOOD",
                f"The server at {self.url} redirects to {there.scheme}://{there.netloc.decode()};"
                " use that address, or the token that a proxy there requires.",
            )
        if not str(response.url).startswith(f"{self.url}/"):
            return ServerNotUnderstood(
                "SERVER_NOT_UNDERSTOOD",
                f"The link to the file at {response.url.host} was refused (HTTP status {status});"
                " it may have expired, so download the file again.",
            )
        return ServerNotUnderstood(
            "SERVER_NOT_UNDERSTOOD",
            f"The server at {self.url} is not a HAYSTACK server (HTTP status {status}); check the address.",
        )


def _told(response: httpx.Response) -> HaystackError | None:
    try:
        body = response.json()
    except ValueError:
        return None
    if not isinstance(body, dict) or not isinstance(body.get("error"), str) or not isinstance(body.get("message"), str):
        return None
    details, run_id = body.get("details"), body.get("run_id")
    try:
        code = _codes.validate_python(body["error"])
    except ValidationError:
        code = "SERVER_NOT_UNDERSTOOD"
    return error_of(
        code,
        body["message"],
        details if isinstance(details, dict) else None,
        run_id if isinstance(run_id, str) else None,
    )


def _seconds(retry_after: str | None) -> float:
    if retry_after is None:
        return 0
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0, (parsedate_to_datetime(retry_after) - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, TypeError):
        return 0
