"""
Makes a STACK checkpoint with random weights, its gene list, and a small prompt and query: make_tiny_model.py FOLDER
[QUERY_CELLS]. Needs arc-stack and torch.
"""

import pickle
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import torch
from scipy import sparse
from stack.model_finetune import ICL_FinetunedModel

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
query_cells = int(sys.argv[2]) if len(sys.argv) > 2 else 70
genes = [f"GENE{i}" for i in range(120)]
config = {"n_genes": len(genes), "n_hidden": 8, "token_dim": 4, "n_cells": 64, "n_layers": 2, "n_heads": 2, "n_proj": 8}
torch.manual_seed(0)
model = ICL_FinetunedModel(**config)
weights = {f"model.{name}": value for name, value in model.state_dict().items()}
torch.save({"hyper_parameters": {"model_config": config}, "state_dict": weights}, folder / "tiny.ckpt")
(folder / "genes.pkl").write_bytes(pickle.dumps(sorted(genes)))

rng = np.random.default_rng(0)
for name, n_cells, first in (("query", query_cells, 20), ("prompt", 90, 10)):
    counts = rng.poisson(rng.gamma(0.5, 2, size=120), size=(n_cells, 120)).astype(np.float32)
    counts[0] = 0
    obs = pd.DataFrame(index=[f"{name}-{i}" for i in range(n_cells)])
    # Neither all of the model's genes nor only those; organism and raw would lead the model astray if they reached it.
    adata = ad.AnnData(
        X=sparse.csr_matrix(counts), obs=obs, var=pd.DataFrame(index=[f"Gene{i}" for i in range(first, first + 120)])
    )
    adata.obs["organism"] = "human"
    if name == "prompt":
        adata.obs["haystack_split"] = "all"
    adata.write_h5ad(folder / f"{name}.h5ad")
