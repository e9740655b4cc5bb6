"""What Arc's cell-eval2 says of panels of perturbations. Argument: JSON {"panels": [{"real", "pred",
"control_source"}], "scaled": [{"value", "mean", "repeated"}]}."""

import contextlib
import dataclasses
import io
import json
import logging
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
import anndata as ad
import polars as pl

with contextlib.redirect_stdout(io.StringIO()):
    from cell_eval2.catalog import CATALOG
    from cell_eval2.config import EvalConfig
    from cell_eval2.run import aggregate_metrics, compute_metrics
    from cell_eval2.scoring import score_one

asked = json.loads(sys.argv[1])
SCORED = [name for name, spec in CATALOG.items() if "vcc2026" in spec.profiles and spec.scoring.scored]
MEMBERS = [name for name, spec in CATALOG.items() if "vcc2026" in spec.profiles]


def short(name):
    return name.removeprefix("de_wilcoxon_")


def number(value):
    return None if value is None or value != value else float(value)


def judged(panel):
    config = dataclasses.replace(
        EvalConfig.from_preset("vcc2026"),
        cache_strict=False,
        control_source=panel["control_source"],
        pert_col="perturbation",
        control="control",
        target_gene_map=panel["targets"],
        num_threads=1,
        device="cpu",
    )
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        rows = compute_metrics(ad.read_h5ad(panel["pred"]), ad.read_h5ad(panel["real"]), config=config)
        whole = aggregate_metrics(rows, metrics=[m for m in MEMBERS if m in set(rows["metric"]) or CATALOG[m].derived])
    each = {}
    for row in rows.iter_rows(named=True):
        each.setdefault(row["perturbation"], {})[short(row["metric"])] = number(row["value"])
    return {"each": each, "whole": {short(r["metric"]): number(r["mean"]) for r in whole.iter_rows(named=True)}}


def scaled(one):
    out = {}
    for name in SCORED:
        key, policy = short(name), CATALOG[name].scoring
        policy = dataclasses.replace(policy, anchor=one["repeated"][key])
        out[key] = number(score_one(one["value"][key], one["mean"][key], policy))
    return out


print(
    json.dumps(
        {
            "panels": [judged(p) for p in asked["panels"]],
            "scaled": [scaled(s) for s in asked["scaled"]],
            "names": [short(n) for n in SCORED],
        }
    )
)
