"""What is handed to the model and how its answer is put back into the query's cells and genes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from haystack_worker.cells import SPLIT_COLUMN, columns_by_symbol
from haystack_worker.failure import ExitCode, WorkerFailure

# arc-stack 0.1.3 fails on a query with fewer cells than half of its window's share of query cells.
LEAST_CELLS = 512


def cells_to_send(n_cells: int) -> int:
    """
    The next number of the form 2^i + 2^j, at least LEAST_CELLS. arc-stack 0.1.3 asks for the quantile (m / n) * n / m,
    which rounds to more than 1 for 3 % of all m <= n and then fails; for these n it is exactly 1 (Goldberg 1991,
    theorem 7).
    """
    least = max(n_cells, LEAST_CELLS)
    top = 1 << (least.bit_length() - 1)
    rest = least - top
    return top if rest == 0 else top + (1 << (rest - 1).bit_length())


def _for_model(adata: anndata.AnnData, genes: list[str], rows: Any) -> anndata.AnnData:
    columns = columns_by_symbol(adata.var_names)
    X = adata.X[:, [columns[gene] for gene in genes]][rows]
    return anndata.AnnData(
        X=X, obs=pd.DataFrame(index=[str(i) for i in range(X.shape[0])]), var=pd.DataFrame(index=genes)
    )


def split_value(index: int) -> str:
    """Names the prompt's cells and result; the model takes prompts in the alphabetical order of these."""
    return f"pair-{index:04d}"


def write_prompts(prompts: list[anndata.AnnData], genes: list[str], path: Path) -> None:
    """One split for each prompt. The shared genes alone: no raw, organism or other columns, which the model would act
    upon."""
    parts = [_for_model(prompt, genes, slice(None)) for prompt in prompts]
    splits = [split_value(index) for index, part in enumerate(parts) for _ in range(part.n_obs)]
    obs = pd.DataFrame({SPLIT_COLUMN: splits}, index=[str(i) for i in range(len(splits))])
    X = sparse.vstack([part.X for part in parts], format="csr")
    anndata.AnnData(X=X, obs=obs, var=pd.DataFrame(index=genes)).write_h5ad(path)


def write_query(query: anndata.AnnData, genes: list[str], path: Path) -> int:
    """As the prompts; the cells are repeated from the first up to the number to send, which is returned."""
    sent = cells_to_send(query.n_obs)
    _for_model(query, genes, np.arange(sent) % query.n_obs).write_h5ad(path)
    return sent


def _invalid(reason: str) -> WorkerFailure:
    return WorkerFailure(ExitCode.OUTPUT_INVALID, reason)


def read_prediction(path: Path, genes: list[str], sent: int, n_cells: int) -> sparse.csr_matrix:
    """The model's counts for the first `n_cells` cells and for `genes`, float32. Fails with OUTPUT_INVALID."""
    if not path.is_file():
        raise _invalid(f"The model ended without an error but wrote no {path.name}.")
    try:
        result = anndata.read_h5ad(path)
    except MemoryError:
        raise
    except Exception as error:
        raise _invalid(f"The model's result is not a readable AnnData file: {error}.") from error
    if result.n_obs != sent:
        raise _invalid(f"The model's result has {result.n_obs} cells where {sent} were sent.")
    if list(result.obs_names) != [str(i) for i in range(sent)]:
        raise _invalid("The model's result has other cells, or in another order, than were sent.")
    columns = columns_by_symbol(result.var_names)
    if len(columns) != result.n_vars:
        raise _invalid("The model's result has a gene more than once.")
    lacking = [gene for gene in genes if gene not in columns]
    if lacking:
        raise _invalid(f"The model's result lacks {len(lacking)} of the {len(genes)} genes, {lacking[0]} among them.")
    X = sparse.csr_matrix(result.X, dtype=np.float32)
    if not np.isfinite(X.data).all():
        raise _invalid("The model's result holds values that are not finite.")
    if (X.data < 0).any():
        raise _invalid("The model's result holds negative values.")
    X = X[:n_cells, [columns[gene] for gene in genes]]
    if not X.data.any():
        raise _invalid("The model's result is zero for every cell and gene.")
    return X


def fill_in(query: anndata.AnnData, genes: list[str], predicted: sparse.csr_matrix) -> sparse.csr_matrix:
    """Query cells x query genes: the prediction for `genes`, the query's own counts for all others."""
    columns = columns_by_symbol(query.var_names)
    position = np.arange(query.n_vars)
    position[[columns[gene] for gene in genes]] = query.n_vars + np.arange(len(genes))
    X = sparse.hstack([query.X, predicted], format="csr")[:, position]
    X.eliminate_zeros()
    X.sort_indices()
    return sparse.csr_matrix(X, dtype=np.float32)


def genes_kept(query: anndata.AnnData, genes: list[str]) -> list[str]:
    """The query's genes that are not predicted."""
    columns = columns_by_symbol(query.var_names)
    predicted = {columns[gene] for gene in genes}
    return [str(name) for column, name in enumerate(query.var_names) if column not in predicted]
