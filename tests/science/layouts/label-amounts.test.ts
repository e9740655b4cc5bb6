import { expect, it } from "vitest";
import { labelAmounts } from "../../../science/atlas/columns/label-amounts.ts";
import { layerName } from "../../../science/atlas/layer-names.ts";

const known = new Set(["il-6", "il-10", "5-fu", "h2o2", "t-5224", "ccl7"]);
const isOther = (word: string) => known.has(word.toLowerCase());

it.each([
  ["Ruxolitinib_10uM", "Ruxolitinib", "10 µM", undefined],
  ["drug 1 µM", "drug", "1 µM", undefined],
  ["TNF 10 ng/ml", "TNF", "10 ng/ml", undefined],
  ["TNF 10ng per mL", "TNF", "10 ng/ml", undefined],
  ["Dex@100nM", "Dex", "100 nM", undefined],
  ["Dex-0,5µM", "Dex", "0.5 µM", undefined],
  ["IFNb_6h", "IFNb", undefined, "6 h"],
  ["IL-2_100U/ml_3days", "IL-2", "100 U/ml", "3 d"],
  ["10 nM of Dex for 30 min", "Dex", "10 nM", "30 min"],
  ["T-5224 (20 µM)", "T-5224", "20 µM", undefined],
  ["TNF 10 ng/ml + IL-10 5 ng/ml", "TNF + IL-10", "10 ng/ml + 5 ng/ml", undefined],
  ["LPS_day 2", "LPS", undefined, "2 d"],
  ["Hpoly.Day10", "Hpoly", undefined, "10 d"],
  ["Dex.100nM.6h", "Dex", "100 nM", "6 h"],
  ["[('Adagrasib', 0.05, 'uM')]", "Adagrasib", "0.05 µM", undefined],
  ["[('A (HCl)', 1.0, 'uM'), ('B', 0.1, 'uM')]", "A (HCl) + B", "1 µM + 0.1 µM", undefined],
])("%s", (label, stem, dose, time) => {
  expect(labelAmounts([label], isOther).get(label)).toEqual({
    stem,
    hasUnit: true,
    ...(dose === undefined ? {} : { dose }),
    ...(time === undefined ? {} : { time }),
  });
});

it.each([
  ["IL-6", "IL-10", "IL-4"],
  ["IL-6h"],
  ["v1.2 nM", "HLA.DRA", "sgSTAT1.2"],
  ["IL_1", "IL_4", "IL_15"],
  ["CCL_2", "CCL_7", "CCL_21"],
  ["STAT1_1", "STAT1_2", "STAT1_3"],
  ["sgSTAT1-1", "sgSTAT1-10", "sgSTAT1-100"],
  ["GSK_126", "GSK_343", "GSK_2879552"],
  ["PD_0325901", "PD_98059"],
  ["DMSO 0.1%", "ctrl_6h", "6h", "10 nM"],
  ["5-FU", "H2O2", "CD3/CD28", "anti-CD3", "17-AAG", "DonorA_1", "DonorA_2"],
])("no amounts in %s, %s", (...labels) => {
  expect([...labelAmounts(labels, isOther)]).toEqual([]);
});

it("bare numbers are doses where one substance has a series of them, then of others too", () => {
  const labels = ["Dex_1", "Dex_10", "Dex_100", "Tram_10", "Tram_7", "Tofa 0.5", "Tofa 2"];
  expect(
    [...labelAmounts(labels, isOther)].map(([label, { stem, dose }]) => [label, stem, dose]),
  ).toEqual([
    ["Dex_1", "Dex", "1"],
    ["Dex_10", "Dex", "10"],
    ["Dex_100", "Dex", "100"],
    ["Tram_10", "Tram", "10"],
    ["Tofa 0.5", "Tofa", "0.5"],
    ["Tofa 2", "Tofa", "2"],
  ]);
});

it.each([
  [
    "counts",
    "counts Counts count raw_counts counts_raw rawcounts raw umi UMIs umi_counts rawCounts",
  ],
  [
    "counts",
    "original_counts raw.data count_matrix countMatrix counts_RNA raw_umi_counts integer_counts",
  ],
  [
    "something else",
    "ambient_counts counts_ambient background_counts empty_drops_counts soup_counts",
  ],
  [
    "something else",
    "spliced unspliced_counts spliced_counts ambiguous adt_counts antibody_counts",
  ],
  [
    "something else",
    "hto_counts guide_counts atac_counts peak_counts intronic_counts AmbientCounts",
  ],
  [
    "unsaid",
    "RNA decontX_counts denoised_counts scran_counts normalized corrected_counts X_binned",
  ],
])("a layer of %s: %s", (says, names) => {
  for (const name of names.split(" "))
    expect([name, layerName(`layers/${name}`)]).toEqual([name, says]);
});
