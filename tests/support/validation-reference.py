"""The figures of `haystack validate`, anew from the files alone: the imported file, the delivered ones and the split.

Argument: JSON {"source", "validation", "split"}. Prints one object of figures for each judged target.
"""

import json
import sys

import anndata as ad
import numpy as np
import scipy.sparse as sp
from scipy.stats import false_discovery_control, rankdata, ranksums, spearmanr

asked = json.loads(sys.argv[1])
validation, split = json.load(open(asked["validation"])), json.load(open(asked["split"]))
source = ad.read_h5ad(asked["source"])
column = lambda *names: source.obs[next(n for n in names if n in source.obs)].astype(str).to_numpy()
cell_type = column("cell_type", "celltype")
perturbation = column("perturbation", "condition")
donor = column("donor_id", "donor")
row_of = {name: i for i, name in enumerate(source.obs_names)}
rows = lambda names: np.array([row_of[name] for name in names])


def lognorm(X):
    X = sp.csr_matrix(X).astype(float)
    X = sp.diags(1e4 / np.maximum(np.asarray(X.sum(1)).ravel(), 1e-9)) @ X
    X.data = np.log1p(X.data)
    return X.toarray()


X = lognorm(source.X)
r = lambda a, b: float(np.corrcoef(a, b)[0, 1])
delta = lambda treated, control: X[treated].mean(0) - X[control].mean(0)


def others(t):
    """Deltas of the responses that differ in what was withheld, controls of the query half where they are the asked
    ones."""
    new = set(t["withheld"])
    name = t["donor"].split(":", 1)[1] if t["donor"] else None
    own = {
        "cell-type": cell_type == t["cell_type"],
        "perturbation": perturbation == t["perturbation"],
        "donor": donor == name,
    }
    may = lambda what: ~own[what] if what in new else own[what]
    control = perturbation == control_label
    seen = may("cell-type") & may("perturbation") & ~control
    if "donor" in new:
        seen &= ~own["donor"]
    unit = np.array(
        [
            "/".join(part)
            for part in zip(
                cell_type if "cell-type" in new else np.full(len(X), ""),
                perturbation if "perturbation" in new else np.full(len(X), ""),
                donor if new == {"donor"} else np.full(len(X), ""),
            )
        ]
    )
    for name in sorted(set(unit[seen])):
        treated = np.flatnonzero(seen & (unit == name))
        matched = control & (cell_type == cell_type[treated[0]])
        if "donor" in new:
            matched &= np.isin(donor, donor[treated])
        matched &= ~np.isin(np.arange(len(X)), rows(t["truth_controls"]))
        if len(treated) >= 10 and matched.sum() >= 10:
            yield delta(treated, np.flatnonzero(matched))


found = []
for t, said in zip(split["targets"], [x for x in validation["targets"] if x["status"] == "judged"]):
    treated, query, truth = rows(t["treated"]), rows(t["query_controls"]), rows(t["truth_controls"])
    assert not set(query) & set(truth)
    control_label = perturbation[truth[0]]
    measured = delta(treated, truth)
    file = ad.read_h5ad(said["predictions"])
    predicted = lognorm(file[file.obs["origin"] == "prediction"].X).mean(0) - X[query].mean(0)
    controls = np.concatenate([query, truth])
    p = false_discovery_control([ranksums(X[treated, g], X[controls, g]).pvalue for g in range(X.shape[1])])
    changed = (p < 0.05) & (np.abs(delta(treated, controls)) >= 0.1)
    score = -file.var["rank"].to_numpy().astype(float)
    hits, n = changed[np.argsort(-score, kind="stable")], int(changed.sum())
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    one, other = map(rows, t["treated_halves"])
    half = r(delta(one, query), delta(other, truth))
    full = 2 * half / (1 + half)
    ofs = list(others(t))
    found.append(
        {
            "pearson_delta": r(predicted, measured),
            "spearman_delta": float(spearmanr(predicted, measured).statistic),
            "mse_delta": float(np.mean((predicted - measured) ** 2)),
            "direction_accuracy": float(np.mean(np.sign(predicted[changed]) == np.sign(measured[changed]))),
            "auroc": float((rankdata(score)[changed].sum() - n * (n + 1) / 2) / (n * (len(score) - n))),
            "average_precision": float(precision[hits].mean()),
            "precision_at_50": float(hits[:50].mean()),
            "truly_changed": n,
            "called_changed": int(file.var["is_de"].sum()),
            "no_effect_mse": float(np.mean(measured**2)),
            "mean_of_others_pearson": r(np.mean(ofs, 0), measured),
            "mean_of_others_mse": float(np.mean((np.mean(ofs, 0) - measured) ** 2)),
            "best_single_pearson": max(r(o, measured) for o in ofs),
            "half_pearson": half,
            "full_pearson": full,
            "noise_free_pearson": float(np.sqrt(max(full, 0))),
            "others": len(ofs),
        }
    )
print(json.dumps(found))
