"""The `stack-generation` program of arc-stack, run as a child process."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

from haystack_worker.failure import ExitCode, WorkerFailure
from haystack_worker.found import sha256_of

PROGRAM = "stack-generation"
_LOADED = re.compile(r"Model loaded successfully on (\w+)")
_BEGUN = re.compile(r"Processing split '([^']*)'")
_OUT_OF_MEMORY = re.compile(
    r"OutOfMemoryError|out of memory|CUBLAS_STATUS_ALLOC_FAILED|MemoryError"
    r"|an't allocate memory|annot allocate memory|std::bad_alloc"
    r"|DataLoader worker .* killed by signal: (Killed|Bus error)",
)
_LINES_KEPT = 50
_STOP_SECONDS = 5


def _unusable(reason: str) -> WorkerFailure:
    return WorkerFailure(ExitCode.MODEL_UNUSABLE, reason)


def find_program(named: str | None) -> str:
    """The named program, else the one beside this Python, else the first on PATH. Fails with MODEL_UNUSABLE."""
    beside = Path(sys.executable).parent / PROGRAM
    found = shutil.which(named) if named is not None else shutil.which(beside) or shutil.which(PROGRAM)
    if found is None:
        raise _unusable(f"The program {named or PROGRAM} is not installed; install arc-stack beside this Python.")
    return found


def check_checkpoint(path: Path) -> str:
    """The checkpoint's SHA-256, in hexadecimal. Fails with MODEL_UNUSABLE."""
    if not path.is_file():
        raise _unusable(f"The checkpoint {path} does not exist.")
    if path.suffix not in {".ckpt", ".pt", ".pth"}:
        raise _unusable(f"The checkpoint {path} is not a .ckpt, .pt or .pth file.")
    if path.stat().st_size == 0:
        raise _unusable(f"The checkpoint {path} is empty.")
    return sha256_of(path)


def gpu_name() -> str | None:
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        asked = subprocess.run(
            [program, "--query-gpu=name", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return asked.stdout.splitlines()[0].strip() if asked.returncode == 0 and asked.stdout.strip() else None


def run_model(command: list[str], folder: Path, device: str, begun: Callable[[str, str | None], None]) -> str | None:
    """
    Runs the program to its end in `folder`, which also holds its temporary files, and passes on what it prints to
    stderr. `device`: auto, cpu, or cuda, which refuses to run without a GPU. Returns the device that the model says it
    is on, cpu or cuda; None when it does not say. `begun` is called with each split that the model begins, and that
    device: the results of the splits before it are whole by then. Fails with MODEL_UNUSABLE before the model is loaded,
    with MODEL_FAILED after, with OUT_OF_MEMORY at any time. When it is left by an exception the program has ended.
    """
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(folder),
        **({"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}),
    }
    lines: deque[str] = deque(maxlen=_LINES_KEPT)
    loaded_on: str | None = None
    try:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise _unusable(f"The program {command[0]} cannot be started: {error.strerror}.") from error
    with child:
        try:
            for line in child.stdout or ():
                sys.stderr.write(line)
                lines.append(line.strip())
                if found := _LOADED.search(line):
                    loaded_on = found[1]
                    if device == "cuda" and loaded_on != "cuda":
                        raise _unusable(
                            f"The model found no usable GPU and was loaded on {loaded_on}; "
                            "check the driver and the CUDA version of torch."
                        )
                if found := _BEGUN.search(line):
                    begun(found[1], loaded_on)
            code = child.wait()
        except BaseException:
            _stop(child)
            raise
    if code != 0:
        raise _failure(code, [line for line in lines if line], loaded_on is not None)
    return loaded_on


def _stop(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _failure(code: int, lines: list[str], loaded: bool) -> WorkerFailure:
    reason = next((line for line in reversed(lines) if _OUT_OF_MEMORY.search(line)), None)
    if reason is not None:
        return WorkerFailure(ExitCode.OUT_OF_MEMORY, f"The model ran out of memory: {reason}")
    if code == -signal.SIGKILL:
        return WorkerFailure(
            ExitCode.OUT_OF_MEMORY, "The model was killed by the system, most likely for want of memory."
        )
    last = lines[-1] if lines else "it gave no reason"
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    if loaded:
        return WorkerFailure(ExitCode.MODEL_FAILED, f"The model {how}: {last}")
    return _unusable(f"The model could not be loaded; it {how}: {last}")
