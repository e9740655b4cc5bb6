from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import anndata as ad
import numpy as np
import pytest
from conftest import MODEL_GENES, Workplace, make_prompt, make_query

from haystack_worker.cells import shared_genes
from haystack_worker.exchange import cells_to_send, write_prompts, write_query

Run = Callable[..., tuple[int, str]]


def test_prediction_has_the_query_cells_and_genes_and_names_its_model(place: Workplace, run: Run) -> None:
    assert run()[0] == 0
    query, prediction = make_query(), ad.read_h5ad(place.path("out/predictions.h5ad"))
    assert list(prediction.obs_names) == list(query.obs_names)
    assert list(prediction.var_names) == list(query.var_names)
    assert list(prediction.obs.columns) == list(query.obs.columns)
    assert list(prediction.var["highly"]) == list(query.var["highly"])
    assert (prediction.X.format, prediction.X.dtype) == ("csr", np.float32)
    assert prediction.uns["model"] == "stack"
    assert prediction.uns["is_baseline"] == 0
    assert not isinstance(prediction.uns["is_baseline"], (bool, np.bool_))
    assert prediction.uns["checkpoint_sha256"] == hashlib.sha256(b"weights").hexdigest()[:12]
    assert {"arc_stack", "haystack_worker", "seed", "settings"} <= set(prediction.uns)


def test_genes_unknown_to_model_or_prompt_keep_the_counts_of_the_query(place: Workplace, run: Run) -> None:
    assert run()[0] == 0
    query, prediction = make_query(), ad.read_h5ad(place.path("out/predictions.h5ad"))
    assert list(prediction.uns["genes_not_predicted"]) == ["KEPT", "isg15"]
    for gene in ("KEPT", "isg15"):
        assert (prediction[:, gene].X.toarray() == query[:, gene].X.toarray()).all()
    # The prompt's means are 9, 20, 8, 12 for MX1, ACTB, ISG15, IFI6.
    means = dict(zip(prediction.var_names, np.asarray(prediction.X.mean(axis=0)).ravel(), strict=True))
    assert means["MX1"] == pytest.approx(9, abs=2)
    assert means["Isg15"] == pytest.approx(8, abs=2)
    assert means["IFI6"] == pytest.approx(12, abs=2)


def test_same_seed_same_bytes_other_seed_other_prediction(place: Workplace, run: Run) -> None:
    contents = []
    for name, seed in (("a", 7), ("b", 7), ("c", 2**32 - 1)):
        assert run(output=place.path(f"{name}.h5ad"), seed=seed)[0] == 0
        contents.append(place.path(f"{name}.h5ad").read_bytes())
    assert contents[0] == contents[1]
    a, c = (ad.read_h5ad(place.path(f"{name}.h5ad")).X for name in "ac")
    assert (a != c).nnz > 0


def test_metrics_before_the_output_and_beside_it_nothing_else(
    place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[str] = []
    replace = os.replace

    def noted(source: Path, final: Path) -> None:
        named.append(final.name)
        replace(source, final)

    monkeypatch.setattr(os, "replace", noted)
    assert run()[0] == 0
    assert named == ["predictions.h5ad.metrics.json", "predictions.h5ad"]
    assert place.left_over() == ["predictions.h5ad", "predictions.h5ad.metrics.json"]
    assert list(place.path("scratch").iterdir()) == []
    metrics = json.loads(place.path("out/predictions.h5ad.metrics.json").read_text())
    expected = {
        "model": "stack",
        "is_baseline": False,
        "cells": 30,
        "cells_sent": 512,
        "prompt_cells": 40,
        "genes": 6,
        "genes_shared": 4,
    }
    assert expected.items() <= metrics.items()
    assert metrics["genes_of_model"] == 6
    assert (metrics["seed"], metrics["device"], metrics["gpu"]) == (7, "cpu", None)
    assert metrics["seconds"] >= metrics["model_seconds"] > 0
    assert metrics["peak_rss_bytes"] > 10_000_000
    assert {"haystack_worker", "arc-stack", "torch", "anndata", "numpy", "python"} == set(metrics["versions"])


def test_an_earlier_output_is_replaced(place: Workplace, run: Run) -> None:
    place.path("out").mkdir()
    place.path("out/predictions.h5ad").write_bytes(b"earlier")
    assert run()[0] == 0
    assert ad.read_h5ad(place.path("out/predictions.h5ad")).n_obs == 30


def test_checkpoint_and_gene_list_from_the_environment(
    place: Workplace, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STACK_CHECKPOINT", str(place.path("tiny.ckpt")))
    monkeypatch.setenv("STACK_GENELIST", str(place.path("genes.pkl")))
    assert run(checkpoint=None, genelist=None)[0] == 0


def test_the_model_is_sent_the_shared_genes_alone(place: Workplace) -> None:
    query, prompt = make_query(), make_prompt()
    prompt.raw = prompt.copy()
    genes = shared_genes(MODEL_GENES, prompt, query)
    assert genes == ["ACTB", "IFI6", "ISG15", "MX1"]
    write_prompts([prompt], genes, place.path("sent-prompt.h5ad"))
    assert write_query(query, genes, place.path("sent-query.h5ad")) == 512
    sent_prompt, sent_query = ad.read_h5ad(place.path("sent-prompt.h5ad")), ad.read_h5ad(place.path("sent-query.h5ad"))
    assert sent_prompt.raw is None
    assert list(sent_prompt.obs.columns) == ["haystack_split"]
    assert list(sent_query.obs.columns) == []
    assert list(sent_prompt.var_names) == list(sent_query.var_names) == genes
    assert (sent_prompt[:, "ISG15"].X.toarray() == prompt[:, "ISG15"].X.toarray()).all()
    columns = ["ACTB", "IFI6", "Isg15", "MX1"]
    rows = np.arange(512) % 30
    assert (sent_query.X.toarray() == query[:, columns].X.toarray()[rows]).all()


def test_cells_to_send_never_make_the_model_ask_for_a_quantile_above_one() -> None:
    assert [cells_to_send(n) for n in (1, 512, 513, 515, 700, 1025, 1100)] == [512, 512, 513, 516, 768, 1025, 1152]
    for n in range(1, 1500):
        sent = cells_to_send(n)
        assert max(n, 512) <= sent <= max(512, 1.34 * n)
        masked = np.arange(1, sent + 1)
        assert ((masked / sent - np.float32(0)) * sent / masked <= 1).all()
