"""One inference job from its input files to its output files."""

from __future__ import annotations

import json
import platform
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import anndata
import numpy as np

from haystack_worker import __version__
from haystack_worker.cells import SPLIT_COLUMN, check_split, read_cells, read_gene_list, shared_genes
from haystack_worker.exchange import SPLIT_VALUE, fill_in, genes_kept, read_prediction, write_prompt, write_query
from haystack_worker.failure import ExitCode, WorkerFailure
from haystack_worker.model import ModelRun, check_checkpoint, find_program, gpu_name, run_model
from haystack_worker.publish import publish

MODEL_NAME = "stack"
# The model adds its step number to the seed, and numpy takes seeds below 2^32.
SEEDS = 1 << 31
# The model's own default, which may not exceed the context ratio.
CONTEXT_RATIO_MIN = 0.2


@dataclass(frozen=True)
class Job:
    prompt: Path
    query: Path
    output: Path
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


def version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def command_of(job: Job, program: str, prompt: Path, query: Path, results: Path) -> list[str]:
    options = {
        "--checkpoint": job.checkpoint.resolve(),
        "--base-adata": prompt,
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
    """Writes the output and, before it, its `.metrics.json`. Fails with a WorkerFailure and then leaves neither."""
    started = time.monotonic()
    program = find_program(job.program)
    genes = read_gene_list(job.genelist)
    query = read_cells(job.query, "query")
    prompt = read_cells(job.prompt, "prompt")
    check_split(prompt)
    shared = shared_genes(genes, prompt, query)
    checkpoint = {"name": job.checkpoint.name, "sha256": check_checkpoint(job.checkpoint)[:12]}

    with tempfile.TemporaryDirectory(prefix="haystack-worker-") as name:
        scratch = Path(name)
        results = scratch / "results"
        write_prompt(prompt, shared, scratch / "prompt.h5ad")
        sent = write_query(query, shared, scratch / "query.h5ad")
        run = run_model(command_of(job, program, scratch / "prompt.h5ad", scratch / "query.h5ad", results), scratch, job.device)
        predicted = read_prediction(results / f"{SPLIT_VALUE}.h5ad", shared, sent, query.n_obs)

        provenance: dict[str, Any] = {
            "model": MODEL_NAME,
            "is_baseline": 0,
            "checkpoint": checkpoint["name"],
            "checkpoint_sha256": checkpoint["sha256"],
            "arc_stack": version_of("arc-stack"),
            "haystack_worker": __version__,
            "seed": job.seed,
            "prompt_cells": prompt.n_obs,
            "shared_genes": len(shared),
            "settings": job.settings,
        }
        kept = genes_kept(query, shared)
        if kept:
            provenance["genes_not_predicted"] = np.array(kept, dtype=object)
        output = anndata.AnnData(X=fill_in(query, shared, predicted), obs=query.obs, var=query.var, uns=provenance)
        check_output(output, query)
        output.write_h5ad(scratch / "output.h5ad")

        metrics = scratch / "metrics.json"
        metrics.write_text(json.dumps(_metrics(job, run, checkpoint, query, prompt, genes, shared, sent, time.monotonic() - started)) + "\n")
        publish([(metrics, job.output.with_name(f"{job.output.name}.metrics.json")), (scratch / "output.h5ad", job.output)])


def check_output(output: anndata.AnnData, query: anndata.AnnData) -> None:
    """The last look before the file is written. Fails with OUTPUT_INVALID."""
    same_names = output.obs_names.equals(query.obs_names) and output.var_names.equals(query.var_names)
    if not same_names or output.X.shape != query.X.shape:
        raise WorkerFailure(ExitCode.OUTPUT_INVALID, "The prediction has other cells or genes than the query.")
    if not (np.isfinite(output.X.data).all() and (output.X.data >= 0).all()):
        raise WorkerFailure(ExitCode.OUTPUT_INVALID, "The prediction holds values that are not finite, non-negative counts.")


def _metrics(
    job: Job,
    run: ModelRun,
    checkpoint: dict[str, str],
    query: anndata.AnnData,
    prompt: anndata.AnnData,
    genes: list[str],
    shared: list[str],
    sent: int,
    seconds: float,
) -> dict[str, Any]:
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "model": MODEL_NAME,
        "is_baseline": False,
        "cells": query.n_obs,
        "cells_sent": sent,
        "prompt_cells": prompt.n_obs,
        "genes": query.n_vars,
        "genes_shared": len(shared),
        "genes_of_model": len(genes),
        "seed": job.seed,
        "seconds": round(seconds, 3),
        "model_seconds": round(run.seconds, 3),
        "peak_rss_bytes": peak if sys.platform == "darwin" else peak * 1024,
        "device": run.device,
        "gpu": gpu_name() if run.device == "cuda" else None,
        "checkpoint": checkpoint,
        "settings": job.settings,
        "versions": {
            "haystack_worker": __version__,
            **{package: version_of(package) for package in ("arc-stack", "torch", "anndata", "numpy")},
            "python": platform.python_version(),
        },
    }
