"""Reads and checks the job's inputs; every fault is found before the model is loaded."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anndata
import numpy as np
from scipy import sparse

from haystack_worker.failure import ExitCode, WorkerFailure

SPLIT_COLUMN = "haystack_split"


def _bad(reason: str) -> WorkerFailure:
    return WorkerFailure(ExitCode.BAD_INPUT, reason)


def read_cells(path: Path, role: str) -> anndata.AnnData:
    """AnnData whose X is a canonical float32 CSR matrix of counts, cells x genes. Fails with BAD_INPUT."""
    if not path.is_file():
        raise _bad(f"The {role} file {path} does not exist.")
    try:
        adata = anndata.read_h5ad(path)
    except MemoryError:
        raise
    except Exception as error:
        raise _bad(f"The {role} file {path} is not a readable AnnData file: {error}.") from error
    check_cells(adata, role)
    return adata


def check_cells(adata: anndata.AnnData, role: str) -> None:
    X = adata.X
    if not (sparse.issparse(X) and X.format == "csr"):
        raise _bad(f"The X of the {role} is not a CSR matrix.")
    if X.dtype != np.float32:
        raise _bad(f"The X of the {role} holds {X.dtype} values where float32 is expected.")
    if adata.n_obs == 0 or adata.n_vars == 0:
        raise _bad(f"The {role} has {adata.n_obs} cells and {adata.n_vars} genes; at least one of each is needed.")
    try:
        X.check_format(full_check=True)
    except ValueError as error:
        raise _bad(f"The sparse matrix of the {role} is damaged: {error}.") from error
    if not np.isfinite(X.data).all():
        raise _bad(f"The X of the {role} holds values that are not finite.")
    if (X.data < 0).any():
        raise _bad(f"The X of the {role} holds negative values; counts are expected.")
    for what, names in (("cell", adata.obs_names), ("gene", adata.var_names)):
        if not names.is_unique:
            raise _bad(f"The {role} has the {what} name {names[names.duplicated()][0]!r} more than once.")
    X.sum_duplicates()


def check_split(prompt: anndata.AnnData) -> None:
    if SPLIT_COLUMN not in prompt.obs.columns:
        raise _bad(f"The prompt has no obs column {SPLIT_COLUMN}.")
    found = prompt.obs[SPLIT_COLUMN].nunique(dropna=False)
    if found != 1:
        raise _bad(
            f"The obs column {SPLIT_COLUMN} of the prompt has {found} values; "
            "it must have the same value in every cell."
        )


class _NamesOnly(pickle.Unpickler):
    """Unpickles plain values and numpy strings; anything else could run code."""

    _ALLOWED = {("numpy", "dtype"), ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar")}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self._ALLOWED:
            return super().find_class(module, name)
        raise WorkerFailure(
            ExitCode.MODEL_UNUSABLE,
            f"The gene list holds {module}.{name}; it must be a pickled list of gene symbols and nothing else.",
        )


def read_gene_list(path: Path) -> list[str]:
    """The model's gene symbols, in its order. Fails with MODEL_UNUSABLE."""

    def unusable(problem: str) -> WorkerFailure:
        return WorkerFailure(ExitCode.MODEL_UNUSABLE, f"The gene list {path} {problem}.")

    if not path.is_file():
        raise unusable("does not exist")
    try:
        with path.open("rb") as file:
            genes = _NamesOnly(file).load()
    except (WorkerFailure, MemoryError):
        raise
    except Exception as error:
        raise unusable(f"is not a readable pickle: {error}") from error
    if not isinstance(genes, list) or not genes or not all(isinstance(gene, str) for gene in genes):
        raise unusable("is not a list of gene symbols")
    if any(gene != gene.upper() for gene in genes):
        raise unusable("has symbols with lower-case letters, which STACK never finds in the cells")
    if len(set(genes)) != len(genes):
        raise unusable("names a gene more than once")
    return [str(gene) for gene in genes]


def columns_by_symbol(names: Iterable[str]) -> dict[str, int]:
    """Column of each upper-case symbol; of equal symbols the first counts."""
    columns: dict[str, int] = {}
    for column, name in enumerate(names):
        columns.setdefault(str(name).upper(), column)
    return columns


def shared_genes(genes: list[str], prompt: anndata.AnnData, query: anndata.AnnData) -> list[str]:
    """The genes of the list that both files have, in the order of the list. Fails with BAD_INPUT when there is none."""
    sides = [columns_by_symbol(side.var_names) for side in (prompt, query)]
    shared = [gene for gene in genes if all(gene in side for side in sides)]
    if not shared:
        raise _bad(
            f"Prompt, query and the model's {len(genes)} genes have no gene symbol in common; "
            "the var index must hold gene symbols."
        )
    return shared
