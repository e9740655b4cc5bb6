import { HaystackError } from "../../errors.ts";
import type { AtlasIndex, CellGroup } from "../../science/atlas/atlas-index.ts";

/** A small index with one group a cell type and perturbation, each of ten cells of donor 101. */
export function atlasIndex(options: {
  cellTypes: readonly string[];
  perturbations: readonly string[];
  dataset?: string;
  donors?: readonly string[];
  genes?: readonly string[];
}): AtlasIndex {
  const dataset = options.dataset ?? "test";
  const groups = options.cellTypes.flatMap((cell_type) =>
    ["control", ...options.perturbations].flatMap((perturbation) =>
      (options.donors ?? ["101"]).map((donor): CellGroup => {
        const group_id = `${dataset}/${cell_type}/${perturbation}/${donor}`;
        return {
          group_id,
          dataset,
          cell_type,
          cell_ontology_id: null,
          perturbation,
          perturbation_id: null,
          is_control: perturbation === "control",
          donor: `${dataset}:${donor}`,
          n_cells: 10,
          control_group_id: null,
          shard: `groups/${group_id}.h5ad`,
        };
      }),
    ),
  );
  const genes = options.genes ?? ["ISG15", "ACTB"];
  return {
    format: "haystack-atlas/1",
    dataset,
    source_file: "test.h5ad",
    source_sha256: "0".repeat(64),
    simulated: false,
    columns: {
      cell_type: "cell_type",
      perturbation: "perturbation",
      donor: "donor",
      gene_symbols: null,
      control_label: "control",
    },
    n_cells: groups.length * 10,
    n_genes: genes.length,
    genes,
    x_source: { slot: "X", kind: "counts" },
    groups,
    profiles: "profiles.f32",
    warnings: [],
  };
}

/** Of blood cells, with labels as public data sets have them. */
export const bloodAtlas = (): AtlasIndex =>
  atlasIndex({
    cellTypes: [
      "B cells",
      "CD14+ Monocytes",
      "CD4 T cells",
      "CD8 T cells",
      "Dendritic cells",
      "FCGR3A+ Monocytes",
      "NK cells",
    ],
    perturbations: ["IFN-beta"],
  });

/** The error with which a question is refused; one that is answered is none. */
export function refusalOf(ask: () => unknown): HaystackError {
  try {
    ask();
  } catch (thrown) {
    if (thrown instanceof HaystackError) return thrown;
    throw thrown;
  }
  throw new Error("The question was answered.");
}
