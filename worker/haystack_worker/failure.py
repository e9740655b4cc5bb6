from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    OTHER = 1
    BAD_INPUT = 2
    MODEL_UNUSABLE = 3
    MODEL_FAILED = 4
    OUTPUT_INVALID = 5
    OUT_OF_MEMORY = 6
    STOPPED = 143


class WorkerFailure(Exception):
    """Ends the job with `code`; `reason` is one plain sentence."""

    def __init__(self, code: ExitCode, reason: str) -> None:
        super().__init__(" ".join(reason.split()))
        self.code = code


class Stopped(BaseException):
    """SIGTERM or SIGINT was received. Not an Exception, so that no handler takes it for a fault of the work."""
