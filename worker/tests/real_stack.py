"""Runs the worker with the real arc-stack on the CPU, on a checkpoint with random weights. Exits with 0 when all
holds."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import anndata as ad
import numpy as np

HERE = Path(__file__).parent


def main(folder: Path) -> None:
    subprocess.run([sys.executable, str(HERE / "make_tiny_model.py"), str(folder)], check=True)

    def worker(output: str, *options: str, query: str = "query.h5ad", checkpoint: str = "tiny.ckpt") -> tuple[int, str]:
        files = [f"--prompt={folder / 'prompt.h5ad'}", f"--query={folder / query}", f"--output={folder / output}"]
        model = [f"--checkpoint={folder / checkpoint}", f"--genelist={folder / 'genes.pkl'}"]
        ended = subprocess.run(
            [sys.executable, "-m", "haystack_worker", *files, *model, *options],
            cwd=HERE.parent,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        reason = ended.stderr.strip().splitlines()[-1]
        print(f"{output}: exit code {ended.returncode}, {reason}", flush=True)
        return ended.returncode, reason

    for output, seed in (("first.h5ad", 5), ("again.h5ad", 5), ("other.h5ad", 6)):
        assert worker(output, f"--seed={seed}", "--device=cpu")[0] == 0
    query, first, again, other = (
        ad.read_h5ad(folder / name) for name in ("query.h5ad", "first.h5ad", "again.h5ad", "other.h5ad")
    )
    assert list(first.obs_names) == list(query.obs_names)
    assert list(first.var_names) == list(query.var_names)
    assert (first.X != again.X).nnz == 0
    assert (first.X != other.X).nnz > 0
    # The model knows GENE0 to GENE119, the prompt has 10 to 129, the query 20 to 139.
    predicted = np.array([int(name[4:]) < 120 for name in first.var_names])
    assert (first.X[:, ~predicted] != query.X[:, ~predicted]).nnz == 0
    assert (first.X[:, predicted] != query.X[:, predicted]).nnz > 0
    totals = [side.X[1:, predicted].sum(axis=1).mean() for side in (first, query)]
    assert 0.5 < totals[0] / totals[1] < 1.5, totals
    metrics = json.loads((folder / "first.h5ad.metrics.json").read_text())
    assert (metrics["device"], metrics["genes_shared"], metrics["versions"]["arc-stack"]) == ("cpu", 100, "0.1.3")
    print(json.dumps(metrics, indent=1))

    # A round: the same bytes as one by one, the model loaded once.
    second = ad.read_h5ad(folder / "prompt.h5ad")[::-1].copy()
    second.write_h5ad(folder / "second.h5ad")
    pairs = [
        {"name": name, "prompt": prompt, "query": "query.h5ad", "output": f"{name}.h5ad"}
        for name, prompt in (("one", "prompt.h5ad"), ("two", "second.h5ad"))
    ]
    (folder / "manifest.json").write_text(json.dumps({"version": 1, "pairs": pairs}))
    model = [f"--checkpoint={folder / 'tiny.ckpt'}", f"--genelist={folder / 'genes.pkl'}", "--seed=5", "--device=cpu"]
    command = [sys.executable, "-m", "haystack_worker", f"--manifest={folder / 'manifest.json'}", *model]
    together = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True)
    assert together.stderr.count("Model loaded successfully") == 1, together.stderr
    print(together.stdout)
    for name, prompt in (("one", "prompt.h5ad"), ("two", "second.h5ad")):
        files = [
            f"--prompt={folder / prompt}",
            f"--query={folder / 'query.h5ad'}",
            f"--output={folder / 'alone' / name}.h5ad",
        ]
        subprocess.run(
            [sys.executable, "-m", "haystack_worker", *files, *model], cwd=HERE.parent, capture_output=True, check=True
        )
        assert (folder / "alone" / f"{name}.h5ad").read_bytes() == (folder / f"{name}.h5ad").read_bytes()
    assert (folder / "one.h5ad").read_bytes() != (folder / "two.h5ad").read_bytes()
    assert (
        subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=True).stdout.count('"found"')
        == 2
    )

    query[:5].write_h5ad(folder / "five.h5ad")
    assert worker("five-cells.h5ad", "--seed=1", "--device=cpu", query="five.h5ad")[0] == 0
    assert worker("vanilla.h5ad", "--seed=1", "--device=cpu", "--mode=vanilla", "--num-steps=1")[0] == 0
    (folder / "damaged.ckpt").write_bytes((folder / "tiny.ckpt").read_bytes()[:500])
    assert worker("damaged-checkpoint.h5ad", "--seed=1", "--device=cpu", checkpoint="damaged.ckpt")[0] == 3
    assert (
        worker("impossible-batch.h5ad", "--seed=1", "--device=cpu", "--prompt-ratio=0.001", "--context-ratio=0.001")[0]
        == 4
    )
    if metrics["gpu"] is None:
        assert worker("no-gpu.h5ad", "--seed=1", "--device=cuda")[0] == 3
    print("All holds.")


with tempfile.TemporaryDirectory() as folder:
    main(Path(folder))
