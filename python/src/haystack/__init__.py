"""How would these cells respond? Asks a HAYSTACK server, or one started on this machine, from Python."""

from . import models
from .client import Haystack, connect
from .errors import (
    HaystackError,
    LimitReached,
    LocalError,
    NotFound,
    QuestionRefused,
    RunCancelled,
    RunEnded,
    RunFailed,
    ServerNotUnderstood,
    ServerUnreachable,
    SignInRefused,
)
from .local import LocalHaystack, local
from .report import Report
from .run import Run
from .validation import Validation, validate

__all__ = [
    "Haystack",
    "HaystackError",
    "LimitReached",
    "LocalError",
    "LocalHaystack",
    "NotFound",
    "QuestionRefused",
    "Report",
    "Run",
    "RunCancelled",
    "RunEnded",
    "RunFailed",
    "ServerNotUnderstood",
    "ServerUnreachable",
    "SignInRefused",
    "Validation",
    "connect",
    "local",
    "models",
    "validate",
]
