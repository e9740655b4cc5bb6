"""
Stands in for `stack-generation` of arc-stack 0.1.3: same options, same log lines, same shape of results, each written
before the next is begun. The prediction is drawn from Poisson distributions whose means are the query's counts scaled
by the prompt's mean over the query's mean. `--behaviour` makes it fail.
"""

import argparse
import pickle
import sys
import tempfile
import time
from pathlib import Path

parser = argparse.ArgumentParser()
for option in ("checkpoint", "base-adata", "test-adata", "genelist", "output-dir", "split-column"):
    parser.add_argument(f"--{option}", required=True)
parser.add_argument("--gene-name-col")
for option, kind in (
    ("prompt-ratio", float),
    ("context-ratio", float),
    ("context-ratio-min", float),
    ("mask-rate", float),
):
    parser.add_argument(f"--{option}", type=kind)
for option in ("num-steps", "batch-size", "num-workers", "random-seed"):
    parser.add_argument(f"--{option}", type=int)
parser.add_argument("--mode")
parser.add_argument("--device", default="auto")
parser.add_argument("--behaviour", default="", help="of the stand-in only")
given = parser.parse_args()
behaviour = given.behaviour


def end(*lines: str, code: int = 1) -> None:
    print(*lines, sep="\n", file=sys.stderr, flush=True)
    sys.exit(code)


if behaviour == "unloadable":
    end("RuntimeError: Error(s) in loading state_dict for ICL_FinetunedModel")
print(
    f"INFO:stack.model_loading:Model loaded successfully on {'cuda' if behaviour == 'cuda' else 'cpu'}",
    file=sys.stderr,
    flush=True,
)
if behaviour == "crash":
    end("Traceback (most recent call last):", "ValueError: Quantiles must be in the range [0, 1]")
if behaviour == "gpu-memory":
    end(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "See documentation for Memory Management",
    )
if behaviour == "killed":
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
if behaviour == "nothing":
    sys.exit(0)
if behaviour == "wait":
    tempfile.mkdtemp()
    Path(given.output_dir).mkdir()
    Path(given.output_dir, "pair-0000.h5ad").write_bytes(b"half-written")
    print(f"waiting in {given.output_dir}", file=sys.stderr, flush=True)
    time.sleep(600)

import anndata as ad  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from scipy import sparse  # noqa: E402

with open(given.genelist, "rb") as file:
    genes = pickle.load(file)
upper = pd.Index([gene.upper() for gene in genes])


def align(adata):
    columns = pd.Index(adata.var_names.str.upper()).get_indexer(upper)
    aligned = np.zeros((adata.n_obs, len(genes)), dtype=np.float32)
    aligned[:, columns >= 0] = adata.X[:, columns[columns >= 0]].toarray()
    return aligned


base, test = ad.read_h5ad(given.base_adata), ad.read_h5ad(given.test_adata)
query = align(test)
output = Path(given.output_dir)
output.mkdir(parents=True, exist_ok=True)
splits = base.obs[given.split_column].astype(str)
for number, value in enumerate(sorted(splits.unique()), start=1):
    print(f"INFO:stack.generation:Processing split '{value}'", file=sys.stderr, flush=True)
    if behaviour == f"interrupted-at-{number}":
        end("Killed", code=1)
    prompt = align(base[splits == value])
    rng = np.random.default_rng(given.random_seed)
    fold = (prompt.mean(axis=0) + 0.05) / (query.mean(axis=0) + 0.05)
    raised = np.clip(prompt.mean(axis=0) - query.mean(axis=0), 0, None)
    X = rng.poisson(np.where(fold < 1, query * fold, query + raised)).astype(np.float32)
    if behaviour == "not-finite":
        X[0, 0] = np.nan
    if behaviour == "negative":
        X[0, 0] = -1
    if behaviour == "zero":
        X[:] = 0
    result = ad.AnnData(X=sparse.csr_matrix(X), obs=test.obs.copy(), var=pd.DataFrame(index=genes))
    result.obs["gen_logit"] = 0.5
    if behaviour == "fewer-cells":
        result = result[:-1].copy()
    if behaviour == "other-order":
        result = result[::-1].copy()
    if behaviour == "other-genes":
        result = result[:, 1:].copy()
    result.write_h5ad(output / f"{value}.h5ad")
    if behaviour == "not-anndata":
        (output / f"{value}.h5ad").write_bytes(b"no HDF5")
