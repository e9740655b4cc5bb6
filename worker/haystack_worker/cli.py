"""Command line: arguments in, exit code out, the reason of a failure as the last line on stderr."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from haystack_worker import __version__
from haystack_worker.failure import ExitCode, Stopped, WorkerFailure


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="haystack-worker", description="Predicts the response of the query cells with the STACK model."
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--manifest", type=Path, help="pairs to predict, .json; in place of --prompt, --query and --output"
    )
    parser.add_argument("--prompt", type=Path, help="perturbed cells, .h5ad")
    parser.add_argument("--query", type=Path, help="cells whose response is predicted, .h5ad")
    parser.add_argument("--output", type=Path, help="file to write, .h5ad")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument(
        "--checkpoint",
        type=Path,
        default=os.environ.get("STACK_CHECKPOINT") or None,
        help="STACK checkpoint, .ckpt (STACK_CHECKPOINT)",
    )
    parser.add_argument(
        "--genelist",
        type=Path,
        default=os.environ.get("STACK_GENELIST") or None,
        help="the checkpoint's gene list, .pkl (STACK_GENELIST)",
    )
    parser.add_argument("--num-steps", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--prompt-ratio", type=float, default=0.25)
    parser.add_argument("--context-ratio", type=float, default=0.4)
    parser.add_argument("--mode", choices=["mdm", "vanilla"], default="mdm")
    parser.add_argument(
        "--device",
        default=os.environ.get("STACK_DEVICE") or "auto",
        help="auto, cpu, or cuda to refuse to run without a GPU (STACK_DEVICE)",
    )
    parser.add_argument("--num-workers", type=int, default=0, help="processes that load data; each needs shared memory")
    parser.add_argument(
        "--stack-generation", metavar="PROGRAM", default=None, help="the stack-generation program to run"
    )
    given = parser.parse_args(argv)

    files = [given.prompt, given.query, given.output]
    if (given.manifest is None and None in files) or (given.manifest is not None and files != [None] * 3):
        parser.error("either --manifest or all of --prompt, --query and --output must be given")
    if given.seed < 0:
        parser.error("--seed must not be negative")
    if given.num_steps < 1 or given.batch_size < 1 or given.num_workers < 0:
        parser.error("--num-steps and --batch-size must be at least 1, --num-workers at least 0")
    if not (given.prompt_ratio > 0 and given.context_ratio > 0 and given.prompt_ratio + given.context_ratio < 1):
        parser.error("--prompt-ratio and --context-ratio must be above 0 and together below 1")
    if given.device not in {"auto", "cpu", "cuda"}:
        parser.error("--device or STACK_DEVICE must be auto, cpu or cuda")
    return given


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the job and returns the exit code; argument errors raise SystemExit(2)."""
    try:
        _perform(_arguments(argv))
    except WorkerFailure as failure:
        return _report(failure.code, str(failure))
    except Stopped as stopped:
        return _report(ExitCode.STOPPED, f"Stopped by {stopped}.")
    except MemoryError:
        return _report(ExitCode.OUT_OF_MEMORY, "The worker ran out of memory; use a machine with more, or fewer cells.")
    except Exception as error:
        traceback.print_exc()
        return _report(ExitCode.OTHER, f"{type(error).__name__}: {error}")
    return 0


def _perform(given: argparse.Namespace) -> None:
    for option, variable in (("checkpoint", "STACK_CHECKPOINT"), ("genelist", "STACK_GENELIST")):
        if getattr(given, option) is None:
            raise WorkerFailure(ExitCode.MODEL_UNUSABLE, f"No --{option} is given and {variable} is not set.")
    # Imported here so that a signal or a wrong argument is answered at once.
    from haystack_worker.job import Job, perform
    from haystack_worker.manifest import Pair, read_manifest

    perform(
        Job(
            pairs=(
                read_manifest(given.manifest)
                if given.manifest
                else (Pair("prediction", given.prompt, given.query, given.output.absolute()),)
            ),
            seed=given.seed,
            checkpoint=given.checkpoint,
            genelist=given.genelist,
            num_steps=given.num_steps,
            batch_size=given.batch_size,
            prompt_ratio=given.prompt_ratio,
            context_ratio=given.context_ratio,
            mode=given.mode,
            device=given.device,
            num_workers=given.num_workers,
            program=given.stack_generation,
        )
    )


def _report(code: ExitCode, reason: str) -> int:
    print(f"haystack-worker: {' '.join(reason.split()).rstrip('.')}", file=sys.stderr, flush=True)
    return int(code)


def entry() -> NoReturn:
    def stop(number: int, _: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(signal.Signals(number).name)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
    sys.exit(main())
