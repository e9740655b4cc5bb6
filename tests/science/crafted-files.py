"""Writes .h5ad, .h5mu, .loom, .h5 and zarr files that somebody has crafted, one of each kind, to a folder.

Argument: {"folder", "secret", "filters"}: where to, a file that must not be read, the folder of HDF5's filters.
"""

import json
import os
import sys
import warnings

warnings.simplefilter("ignore")
import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

given = json.loads(sys.argv[1])
folder, secret, filters = given["folder"], given["secret"], given["filters"]
through_filters = filters + "/" + "../" * filters.count("/") + secret.lstrip("/")


def atlas(cell_type="B cell", X=None):
    obs = pd.DataFrame(
        {"perturbation": ["control", "IFN-beta"] * 4, "cell_type": pd.Categorical([cell_type] * 8)},
        index=[f"c{i}" for i in range(8)],
    )
    X = np.arange(32, dtype="f4").reshape(8, 4) if X is None else X
    return ad.AnnData(X, obs=obs, var=pd.DataFrame(index=["ISG15", "CD3D", "MS4A1", "ACTB"]))


def new(name, X=None):
    atlas(X=X).write_h5ad(f"{folder}/{name}.h5ad")
    return h5py.File(f"{folder}/{name}.h5ad", "r+")


def matrix(dataset):
    dataset.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})


def virtual(f, name, source, of):
    layout = h5py.VirtualLayout((8, 4), dtype="f4")
    layout[:] = h5py.VirtualSource(source, of, shape=(8, 4))
    matrix(f.create_virtual_dataset(name, layout))


def column(f, name):
    f["obs"].attrs["column-order"] = [*f["obs"].attrs["column-order"], name]


atlas("SECRET").write_h5ad(secret)
new("sound").close()

# Other files, named through the one folder that the library may read.
with new("away-link") as f:
    del f["obs/cell_type"]
    f["obs/cell_type"] = h5py.ExternalLink(through_filters, "/obs/cell_type")
with new("away-storage") as f:
    del f["X"]
    matrix(f.create_dataset("X", (8, 4), dtype="f4", external=[(through_filters, 0, 128)]))
with new("away-virtual") as f:
    del f["X"]
    virtual(f, "X", through_filters, "X")
with h5py.File(f"{folder}/away-loom.loom", "w") as f:
    f["matrix"] = h5py.ExternalLink(through_filters, "/X")
    f["row_attrs/Gene"] = h5py.ExternalLink(through_filters, "/obs/_index")
    f["col_attrs/CellID"] = h5py.ExternalLink(through_filters, "/var/_index")
with h5py.File(f"{folder}/away-modality.h5mu", "w") as f:
    f["mod/rna"] = h5py.ExternalLink(through_filters, "/")
with h5py.File(f"{folder}/away-tenx.h5", "w") as f:
    f["matrix/barcodes"] = [b"a", b"b"]
    f["matrix/data"], f["matrix/indices"], f["matrix/indptr"] = np.ones(3, "i4"), [0, 1, 0], [0, 2, 3]
    f["matrix/shape"] = [2, 2]
    f["matrix/features/id"] = h5py.ExternalLink(through_filters, "/obs/_index")
    f["matrix/features/name"] = [b"g", b"h"]

# Virtual datasets of the file itself: read from each other they end the library.
with new("virtual-own") as f:
    f.move("X", "hidden")
    virtual(f, "X", ".", "hidden")
with new("virtual-self") as f:
    del f["X"]
    virtual(f, "X", ".", "X")
with new("virtual-pair") as f:
    del f["X"]
    virtual(f, "X", ".", "Y")
    virtual(f, "Y", ".", "X")

# More declared than stored.
with new("unstored-dense") as f:
    for frame in ("obs", "var"):
        for name in list(f[frame]):
            del f[frame][name]
        f[frame].create_dataset("_index", (1_000_000,), dtype=h5py.string_dtype(), chunks=(100_000,))
        f[frame].attrs["column-order"] = np.array([], dtype="S1")
    del f["X"]
    matrix(f.create_dataset("X", (1_000_000, 1_000_000), dtype="f4", chunks=(1, 1_000_000)))
with h5py.File(f"{folder}/unstored-loom.loom", "w") as f:
    f.create_dataset("matrix", (10**8, 10**8), dtype="f4", chunks=(1000, 1000))
    f.create_group("row_attrs")
    f.create_group("col_attrs")
with new("unstored-index") as f:
    del f["obs/_index"]
    f.create_dataset("obs/_index", (8,), dtype="S200000000", chunks=(1,))
with new("unstored-base") as f:
    space = h5py.h5s.create(h5py.h5s.SCALAR)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_alloc_time(h5py.h5d.ALLOC_TIME_LATE)
    f.require_group("uns/log1p")
    h5py.h5d.create(f["uns/log1p"].id, b"base", h5py.h5t.py_create(np.dtype("S2000000000")), space, plist)
for name, rows, size in (("repeated-text", 100_000, 1_000_000), ("large-text", 8, 300_000_000)):
    with new(name) as f:
        del f["obs/perturbation"]
        d = f.create_dataset("obs/perturbation", (rows,), dtype=h5py.string_dtype())
        d[0] = "x" * size
        d[1:] = "a"
        at = d.id.get_offset()
    with open(f"{folder}/{name}.h5ad", "r+b") as f:
        f.seek(at)
        first = f.read(16)
        f.seek(at)
        f.write(first * rows)

# Pointers of sparse matrices that lead elsewhere.
POINTERS = {
    "back": lambda p: [0, p[2], p[1], *p[3:]],
    "far": lambda p: [0, 10**12, *p[2:]],
    "negative": lambda p: [0, -5, *p[2:]],
    "nan": lambda p: [0, np.nan, *p[2:]],
    "half": lambda p: [0, p[1] + 0.5, *p[2:]],
    "short": lambda p: [*p[:-1], p[-1] - 1],
    "late": lambda p: [1, *p[1:]],
}
for layout, make in (("csr", sp.csr_matrix), ("csc", sp.csc_matrix)):
    for name, change in POINTERS.items():
        with new(f"pointers-{layout}-{name}", make(np.arange(32, dtype="f4").reshape(8, 4))) as f:
            pointers = np.array(change(f["X/indptr"][:].tolist()))
            del f["X/indptr"]
            f["X/indptr"] = pointers


# Groups that contain themselves, wherever one group is read below another.
def loop(parent, name):
    group = parent.create_group(name)
    group.attrs["encoding-type"] = "nullable-string-array"
    group["values"] = group
    group["mask"] = np.zeros(8, bool)


with new("cycle-column") as f:
    loop(f["obs"], "again")
    column(f, "again")
with new("cycle-categories") as f:
    del f["obs/cell_type/categories"]
    loop(f["obs/cell_type"], "categories")
with new("cycle-categories-own") as f:
    del f["obs/cell_type/categories"]
    f["obs/cell_type/categories"] = f["obs/cell_type"]
with new("cycle-categories-of-old") as f:
    f["obs/old"] = np.zeros(8, "i1")
    f["obs/__categories/old"] = np.arange(2)
    f["obs/__categories/__categories"] = f["obs/__categories"]
    column(f, "old")
with new("cycle-index") as f:
    del f["obs/_index"]
    loop(f["obs"], "_index")
with new("cycle-frame") as f:
    f["obs/again"] = f["obs"]
    column(f, "again")
with new("cycle-layers") as f:
    f["layers/again"] = f["layers"]
    f["layers/all"] = f["/"]
with new("cycle-link") as f:
    del f["obs/cell_type"]
    f["obs/cell_type"] = h5py.SoftLink("/obs/cell_type")
with h5py.File(f"{folder}/cycle-modality.h5mu", "w") as f:
    f.create_group("mod")
    f["mod/rna"] = f["/"]
with new("deep") as f:
    group = f["uns"]
    for _ in range(3_000):
        group = group.create_group("d")

# Names that mean something to programs.
with new("names") as f:
    f["obs/__proto__"], f["uns/__proto__/polluted"], f["uns/constructor"] = np.arange(8), 1, "x"
    column(f, "__proto__")
with new("names-up") as f:
    column(f, "../X")

# Types of HDF5 that nothing here has a form for, in each place.
TYPES = {
    "reference": h5py.ref_dtype,
    "region": h5py.regionref_dtype,
    "opaque": np.dtype("V8"),
    "compound": np.dtype([("a", "i4"), ("b", "S4")]),
    "list": h5py.vlen_dtype("i4"),
    "array": np.dtype(("f4", (3,))),
    "complex": np.dtype("c8"),
    "half": np.dtype("f2"),
    "quad": np.dtype("g"),
}
for kind, dtype in TYPES.items():
    for place in ("obs/cell_type/codes", "obs/cell_type/categories", "obs/_index", "var/_index", "X", "uns/x"):
        with new(f"type-{kind}-{place.replace('/', '-')}") as f:
            if place in f:
                del f[place]
            shape = {"X": (8, 4), "var/_index": (4,)}.get(place, (8,))
            matrix(f.create_dataset(place, shape, dtype=dtype))
    of_hdf5 = h5py.h5t.py_create(np.dtype(dtype), logical=True)
    for place, name in (
        ("obs", "_index"),
        ("obs", "column-order"),
        ("obs/cell_type", "encoding-type"),
        ("X", "encoding-type"),
    ):
        with new(f"attribute-{kind}-{place.replace('/', '-')}-{name}") as f:
            del f[place].attrs[name]
            h5py.h5a.create(f[place].id, name.encode(), of_hdf5, h5py.h5s.create_simple((8,)))

# Zarr folders with pipes and links, which would be waited for or lead away.
for name in ("sharded", "values", "attributes", "away"):
    ad.settings.zarr_write_format = 3
    ad.settings.auto_shard_zarr_v3 = name == "sharded"
    atlas(X=sp.csr_matrix(np.arange(32, dtype="f4").reshape(8, 4))).write_zarr(f"{folder}/zarr-{name}.zarr")
for name, path in (("sharded", "X/data/c/0"), ("values", "X/data/c/0"), ("attributes", "obs/zarr.json")):
    os.remove(f"{folder}/zarr-{name}.zarr/{path}")
    os.mkfifo(f"{folder}/zarr-{name}.zarr/{path}")
os.remove(f"{folder}/zarr-away.zarr/X/data/c/0")
os.symlink(secret, f"{folder}/zarr-away.zarr/X/data/c/0")
os.mkfifo(f"{folder}/pipe")
os.symlink("pipe", f"{folder}/link-to-pipe.h5ad")
os.symlink("/dev/zero", f"{folder}/link-to-device.h5ad")
print(json.dumps(sorted(os.listdir(folder))))
