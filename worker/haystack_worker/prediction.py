"""Turns what the model wrote for one pair into the pair's output and metrics."""

from __future__ import annotations

import json
import platform
import resource
import sys
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import anndata
import numpy as np

from haystack_worker import __version__
from haystack_worker.exchange import fill_in, genes_kept, read_prediction
from haystack_worker.failure import ExitCode, WorkerFailure
from haystack_worker.found import sha256_of
from haystack_worker.manifest import Pair
from haystack_worker.model import gpu_name
from haystack_worker.publish import publish

MODEL_NAME = "stack"


@dataclass(frozen=True)
class Predicted:
    pair: Pair
    """The model's file."""
    result: Path
    prompt_cells: int
    query: anndata.AnnData
    shared: list[str]
    genes_of_model: int
    sent: int
    seed: int
    settings: dict[str, int | float | str]
    checkpoint: dict[str, str]
    device: str | None
    work_sha256: str
    """Until the model began its first pair; None when it does not say."""
    load_seconds: float | None
    model_seconds: float
    """The monotonic time at which the work on this pair began."""
    since: float


def version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def store(predicted: Predicted, scratch: Path) -> float:
    """Writes the pair's metrics and output; returns the seconds that the pair took. Fails with OUTPUT_INVALID and then
    writes neither."""
    query, pair = predicted.query, predicted.pair
    counts = read_prediction(predicted.result, predicted.shared, predicted.sent, query.n_obs)
    output = anndata.AnnData(
        X=fill_in(query, predicted.shared, counts), obs=query.obs, var=query.var, uns=_provenance(predicted)
    )
    check_output(output, query)
    whole, metrics = scratch / "output.h5ad", scratch / "metrics.json"
    output.write_h5ad(whole)
    seconds = round(time.monotonic() - predicted.since, 3)
    metrics.write_text(json.dumps(_metrics(predicted, seconds, sha256_of(whole))) + "\n")
    publish([(metrics, pair.metrics), (whole, pair.output)])
    predicted.result.unlink()
    return seconds


def check_output(output: anndata.AnnData, query: anndata.AnnData) -> None:
    """The last look before the file is written. Fails with OUTPUT_INVALID."""
    same_names = output.obs_names.equals(query.obs_names) and output.var_names.equals(query.var_names)
    if not same_names or output.X.shape != query.X.shape:
        raise WorkerFailure(ExitCode.OUTPUT_INVALID, "The prediction has other cells or genes than the query.")
    if not (np.isfinite(output.X.data).all() and (output.X.data >= 0).all()):
        raise WorkerFailure(
            ExitCode.OUTPUT_INVALID, "The prediction holds values that are not finite, non-negative counts."
        )


def _provenance(predicted: Predicted) -> dict[str, Any]:
    kept = genes_kept(predicted.query, predicted.shared)
    return {
        "model": MODEL_NAME,
        "is_baseline": 0,
        "checkpoint": predicted.checkpoint["name"],
        "checkpoint_sha256": predicted.checkpoint["sha256"],
        "arc_stack": version_of("arc-stack"),
        "haystack_worker": __version__,
        "seed": predicted.seed,
        "prompt_cells": predicted.prompt_cells,
        "shared_genes": len(predicted.shared),
        "settings": predicted.settings,
        **({"genes_not_predicted": np.array(kept, dtype=object)} if kept else {}),
    }


def _metrics(predicted: Predicted, seconds: float, output_sha256: str) -> dict[str, Any]:
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    load = predicted.load_seconds
    return {
        "model": MODEL_NAME,
        "is_baseline": False,
        "cells": predicted.query.n_obs,
        "cells_sent": predicted.sent,
        "prompt_cells": predicted.prompt_cells,
        "genes": predicted.query.n_vars,
        "genes_shared": len(predicted.shared),
        "genes_of_model": predicted.genes_of_model,
        "seed": predicted.seed,
        "seconds": seconds,
        "load_seconds": None if load is None else round(load, 3),
        "model_seconds": round(predicted.model_seconds, 3),
        "peak_rss_bytes": peak if sys.platform == "darwin" else peak * 1024,
        "device": predicted.device,
        "gpu": gpu_name() if predicted.device == "cuda" else None,
        "checkpoint": predicted.checkpoint,
        "settings": predicted.settings,
        "versions": {
            "haystack_worker": __version__,
            **{package: version_of(package) for package in ("arc-stack", "torch", "anndata", "numpy")},
            "python": platform.python_version(),
        },
        "work_sha256": predicted.work_sha256,
        "output_sha256": output_sha256,
    }
