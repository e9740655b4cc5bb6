"""What Arc's cell-eval says of pairs of files. Argument: JSON [{"real", "pred"}, ...]: counts, obs "perturbation"
control or asked."""

import contextlib
import io
import json
import logging
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
import anndata as ad
import numpy as np
import scipy.sparse as sp

with contextlib.redirect_stdout(io.StringIO()):
    from cell_eval import MetricsEvaluator

asked = json.loads(sys.argv[1])


def read(path):
    a = ad.read_h5ad(path)
    X = sp.csr_matrix(a.X).astype(float)
    X = sp.diags(1e4 / np.maximum(np.asarray(X.sum(1)).ravel(), 1e-9)) @ X
    X.data = np.log1p(X.data)
    a.X = sp.csr_matrix(X)
    return a


def judged(pair):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(
        io.StringIO()
    ), tempfile.TemporaryDirectory() as out:
        evaluator = MetricsEvaluator(
            adata_pred=read(pair["pred"]),
            adata_real=read(pair["real"]),
            control_pert="control",
            pert_col="perturbation",
            num_threads=1,
            outdir=out,
        )
        results, _ = evaluator.compute(
            profile="full", write_csv=False, skip_metrics=["clustering_agreement", "pearson_edistance"]
        )
    row = {k: v for k, v in results.to_dicts()[0].items() if isinstance(v, (int, float))}
    return {k: (None if v != v else v) for k, v in row.items()}


print(json.dumps([judged(pair) for pair in asked]))
