"""Which pairs an earlier attempt has done: the same work, and the output as that attempt left it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_AT_ONCE = 1 << 20


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def work_digest(work: dict[str, Any]) -> str:
    """SHA-256, in hexadecimal, of all that decides a prediction: inputs, model, settings, seed."""
    return hashlib.sha256(json.dumps(work, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def was_done(output: Path, metrics: Path, work: str) -> bool:
    """The metrics appear before their output, so that an output of other work is seen to differ from what they say of
    it."""
    try:
        said = json.loads(metrics.read_text())
        return (
            isinstance(said, dict)
            and said.get("work_sha256") == work
            and said.get("output_sha256") == sha256_of(output)
        )
    except (OSError, ValueError):
        return False
