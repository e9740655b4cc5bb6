"""The pairs of one inference job, from their input files to their output files; the model is loaded once."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import anndata

from haystack_worker import __version__
from haystack_worker.cells import SPLIT_COLUMN, check_split, read_cells, read_gene_list, shared_genes
from haystack_worker.exchange import split_value, write_prompts, write_query
from haystack_worker.found import sha256_of, was_done, work_digest
from haystack_worker.manifest import Pair
from haystack_worker.model import check_checkpoint, find_program, run_model
from haystack_worker.prediction import MODEL_NAME, Predicted, store, version_of

# The model adds its step number to the seed, and numpy takes seeds below 2^32.
SEEDS = 1 << 31
# The model's own default, which may not exceed the context ratio.
CONTEXT_RATIO_MIN = 0.2


@dataclass(frozen=True)
class Job:
    pairs: tuple[Pair, ...]
    seed: int
    checkpoint: Path
    genelist: Path
    num_steps: int
    batch_size: int
    prompt_ratio: float
    context_ratio: float
    mode: str
    device: str
    num_workers: int
    program: str | None

    @property
    def settings(self) -> dict[str, int | float | str]:
        return {
            "num_steps": self.num_steps,
            "batch_size": self.batch_size,
            "prompt_ratio": self.prompt_ratio,
            "context_ratio": self.context_ratio,
            "mode": self.mode,
        }


@dataclass(frozen=True)
class Work:
    """A pair that is to be predicted."""

    pair: Pair
    prompt: anndata.AnnData
    query: anndata.AnnData
    shared: list[str]
    digest: str


def command_of(job: Job, program: str, prompts: Path, query: Path, results: Path) -> list[str]:
    options = {
        "--checkpoint": job.checkpoint.resolve(),
        "--base-adata": prompts,
        "--test-adata": query,
        "--genelist": job.genelist.resolve(),
        "--output-dir": results,
        "--split-column": SPLIT_COLUMN,
        "--num-steps": job.num_steps,
        "--batch-size": job.batch_size,
        "--random-seed": job.seed % SEEDS,
        "--prompt-ratio": job.prompt_ratio,
        "--context-ratio": job.context_ratio,
        "--context-ratio-min": min(CONTEXT_RATIO_MIN, job.context_ratio),
        "--mode": job.mode,
        "--num-workers": job.num_workers,
    }
    return [program, *(str(part) for option in options.items() for part in option)]


def perform(job: Job) -> None:
    """
    Writes each pair's output and, before it, its `.metrics.json`, as soon as the pair is predicted. Fails with a
    WorkerFailure: what was written by then stays and is found by the next attempt, and no other pair has either file.
    """
    started = time.monotonic()
    program = find_program(job.program)
    genes = read_gene_list(job.genelist)
    checkpoint = check_checkpoint(job.checkpoint)
    genelist = sha256_of(job.genelist)
    queries: dict[Path, anndata.AnnData] = {}
    left: list[Work] = []
    for pair in job.pairs:
        digest = _digest(job, pair, checkpoint, genelist)
        if digest is not None and was_done(pair.output, pair.metrics, digest):
            _report(pair, "found", 0)
            continue
        query = queries[pair.query] if pair.query in queries else read_cells(pair.query, "query")
        queries[pair.query] = query
        prompt = read_cells(pair.prompt, "prompt")
        check_split(prompt)
        left.append(Work(pair, prompt, query, shared_genes(genes, prompt, query), digest or ""))
    for together in _by_input(left):
        _predict(job, program, checkpoint, genes, together, started)
        started = time.monotonic()


def _digest(job: Job, pair: Pair, checkpoint: str, genelist: str) -> str | None:
    """None while an input is missing: reading it says so."""
    if not (pair.prompt.is_file() and pair.query.is_file()):
        return None
    return work_digest(
        {
            "prompt_sha256": sha256_of(pair.prompt),
            "query_sha256": sha256_of(pair.query),
            "model": MODEL_NAME,
            "checkpoint_sha256": checkpoint,
            "genelist_sha256": genelist,
            "settings": job.settings,
            "seed": job.seed,
            "versions": {"haystack_worker": __version__, "arc-stack": version_of("arc-stack")},
        }
    )


def _by_input(works: list[Work]) -> Iterable[list[Work]]:
    """Those that the model can take in one run: the same query, and the same genes sent."""
    groups: dict[tuple[Path, tuple[str, ...]], list[Work]] = {}
    for work in works:
        groups.setdefault((work.pair.query, tuple(work.shared)), []).append(work)
    return groups.values()


def _predict(job: Job, program: str, checkpoint: str, genes: list[str], works: list[Work], started: float) -> None:
    query, shared = works[0].query, works[0].shared
    left = {split_value(index): work for index, work in enumerate(works)}
    with tempfile.TemporaryDirectory(prefix="haystack-worker-") as name:
        scratch = Path(name)
        results = scratch / "results"
        write_prompts([work.prompt for work in works], shared, scratch / "prompts.h5ad")
        sent = write_query(query, shared, scratch / "query.h5ad")
        begun_at = model_started = time.monotonic()
        stored_at = started
        load_seconds: float | None = None

        def finish(before: str | None, device: str | None, now: float) -> None:
            """Stores the predictions of all splits but the one named and those after it."""
            nonlocal stored_at
            for split in [split for split in left if before is None or split < before]:
                work = left.pop(split)
                seconds = store(
                    Predicted(
                        pair=work.pair,
                        result=results / f"{split}.h5ad",
                        prompt_cells=work.prompt.n_obs,
                        query=query,
                        shared=shared,
                        genes_of_model=len(genes),
                        sent=sent,
                        seed=job.seed,
                        settings=job.settings,
                        checkpoint={"name": job.checkpoint.name, "sha256": checkpoint[:12]},
                        device=device,
                        work_sha256=work.digest,
                        load_seconds=load_seconds,
                        model_seconds=now - begun_at,
                        since=stored_at,
                    ),
                    scratch,
                )
                stored_at = time.monotonic()
                _report(work.pair, "predicted", seconds)

        def begun(split: str, device: str | None) -> None:
            nonlocal begun_at, load_seconds
            now = time.monotonic()
            if load_seconds is None:
                load_seconds = now - model_started
            finish(split, device, now)
            begun_at = now

        device = run_model(
            command_of(job, program, scratch / "prompts.h5ad", scratch / "query.h5ad", results),
            scratch,
            job.device,
            begun,
        )
        finish(None, device, time.monotonic())


def _report(pair: Pair, outcome: str, seconds: float) -> None:
    print(
        json.dumps({"pair": pair.name, "outcome": outcome, "seconds": round(seconds, 3)}), file=sys.stdout, flush=True
    )
