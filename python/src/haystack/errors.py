"""Errors with a code of the catalogue, as docs/operations.md lists it, and one sentence: what is wrong, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .models import RETRYABLE, Problem

if TYPE_CHECKING:
    from .run import Run


class HaystackError(Exception):
    """Something that could not be done. `code` says what, `retryable` whether the same may succeed later."""

    def __init__(
        self, code: str, message: str, details: dict[str, Any] | None = None, run_id: str | None = None
    ) -> None:
        super().__init__(code, message, details, run_id)
        self.code = code
        self.message = message
        self.details = details
        self.run_id = run_id

    @property
    def retryable(self) -> bool:
        return self.code in RETRYABLE

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code!r}, {self.message!r})"


class QuestionRefused(HaystackError):
    """The question cannot be answered as it is written, or by what the atlases hold."""


class NotFound(HaystackError):
    """There is no such run, file or atlas, or it is somebody else's."""


class SignInRefused(HaystackError):
    """The token is missing, wrong or expired, or does not allow this."""


class LimitReached(HaystackError):
    """A limit that the operator of the server has set."""


class ServerUnreachable(HaystackError):
    """The server did not answer, also not when asked several times."""


class ServerNotUnderstood(HaystackError):
    """What answered is no HAYSTACK server, or one of another release."""


class LocalError(HaystackError):
    """HAYSTACK could not be started, or could not do what it was asked, on this machine."""


class RunEnded(HaystackError):
    """A run ended without an answer; `run` is that run."""

    def __init__(self, code: str, message: str, run: Run) -> None:
        super().__init__(code, message, None, run.id)
        self.args = (code, message, run)
        self.run = run


class RunFailed(RunEnded):
    """A run failed. Where `retryable`, `error.run.retry().wait()` may help."""


class RunCancelled(RunEnded):
    """A run was cancelled."""


KINDS: dict[type[HaystackError], frozenset[str]] = {
    QuestionRefused: frozenset(
        [
            "QUESTION_EMPTY",
            "QUESTION_TOO_LONG",
            "QUESTION_NOT_UNDERSTOOD",
            "CELL_TYPE_UNKNOWN",
            "PERTURBATION_UNKNOWN",
            "CELL_TYPE_NOT_IN_ATLAS",
            "NO_PROMPT_CELLS",
        ]
    ),
    NotFound: frozenset(["RUN_NOT_FOUND", "OBJECT_NOT_FOUND", "ATLAS_NOT_FOUND", "ROUTE_NOT_FOUND", "FILE_NOT_FOUND"]),
    SignInRefused: frozenset(["UNAUTHENTICATED", "FORBIDDEN"]),
    LimitReached: frozenset(["LIMIT_EXCEEDED", "QUOTA_REACHED", "RATE_LIMITED", "TOO_MANY_STREAMS"]),
    ServerUnreachable: frozenset(["SERVER_UNREACHABLE"]),
    ServerNotUnderstood: frozenset(["SERVER_NOT_UNDERSTOOD"]),
}


def error_of(
    code: str,
    message: str,
    details: dict[str, Any] | None = None,
    run_id: str | None = None,
    otherwise: type[HaystackError] = HaystackError,
) -> HaystackError:
    """An error of the kind that its code is of."""
    kind = next((kind for kind, codes in KINDS.items() if code in codes), otherwise)
    return kind(code, message, details, run_id)


def refusal(problem: Problem) -> HaystackError:
    """What a check found wrong with a question."""
    return error_of(problem.error, problem.message, problem.details, otherwise=QuestionRefused)
