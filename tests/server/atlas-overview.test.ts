import { expect, test } from "vitest";
import type { AtlasIndex, CellGroup } from "../../science/atlas/atlas-index.ts";
import { createOverview } from "../../server/atlas/overview.ts";

const group = (
  over: Partial<CellGroup> & Pick<CellGroup, "dataset" | "donor" | "n_cells">,
): CellGroup => ({
  group_id: "",
  cell_type: "B cell",
  cell_ontology_id: null,
  perturbation: "IFN-beta",
  perturbation_id: null,
  is_control: false,
  control_group_id: "control",
  shard: "",
  ...over,
});

const index = (dataset: string, groups: readonly CellGroup[]): AtlasIndex => ({
  format: "haystack-atlas/2",
  dataset,
  source_file: `${dataset}.h5ad`,
  source_sha256: "0",
  simulated: false,
  columns: {
    cell_type: "cell_type",
    perturbation: "perturbation",
    donor: "donor",
    gene_symbols: null,
    control_label: "control",
  },
  n_cells: 0,
  n_genes: 1,
  genes: ["G"],
  x_source: { slot: "X", kind: "counts" },
  groups,
  profiles: "",
  warnings: [],
});

test("of each perturbation and cell type: cells, donors, doses and times over all datasets, and cells that lack controls", async () => {
  const kang = [
    group({ dataset: "kang", donor: "kang:1", n_cells: 10, covariates: { dose: "100 nM" } }),
    group({ dataset: "kang", donor: "kang:1", n_cells: 20, covariates: { dose: "20 nM" } }),
    group({ dataset: "kang", donor: "kang:2", n_cells: 5, control_group_id: null }),
    group({
      dataset: "kang",
      donor: "kang:2",
      n_cells: 50,
      perturbation: "control",
      is_control: true,
      control_group_id: null,
    }),
  ];
  const other = [
    group({ dataset: "other", donor: "other:1", n_cells: 7, covariates: { time: "6 h" } }),
    group({ dataset: "other", donor: "other:1", n_cells: 3, cell_type: "A cell" }),
  ];
  const overview = createOverview(
    { list: async () => [index("kang", kang), index("other", other)] },
    { elapsed: () => 0 },
  );
  const [{ measured } = {}] = (await overview()).perturbations;
  expect(measured).toEqual([
    {
      cell_type: "A cell",
      n_cells: 3,
      donors: 1,
      doses: [],
      times: [],
      n_cells_without_control: 0,
    },
    {
      cell_type: "B cell",
      n_cells: 42,
      donors: 3,
      doses: ["20 nM", "100 nM"],
      times: ["6 h"],
      n_cells_without_control: 5,
    },
  ]);
});
