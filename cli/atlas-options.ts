import { Option, type Command } from "commander";
import { given } from "../given.ts";
import { REPEATED_GENES, type RepeatedGenes } from "../science/atlas/genes.ts";
import { readOnly } from "./only-cells.ts";
import { repeated } from "./options.ts";

/** Options that say how a file becomes an atlas. */
export interface AtlasOptions {
  readonly dataset?: string;
  readonly cellTypeColumn?: string;
  readonly perturbationColumn?: string;
  readonly donorColumn?: string;
  readonly geneSymbolsColumn?: string;
  readonly controlLabel?: readonly string[];
  readonly cellTypeOfAll?: string;
  readonly perturbationType?: string;
  readonly only?: readonly string[];
  readonly repeatedGenes?: RepeatedGenes;
  readonly layer?: string;
  readonly modality?: string;
}

export const MODALITY = "modality of a MuData file (.h5mu) to read (default: the RNA)";

export const addAtlasOptions = (command: Command): Command =>
  command
    .option("--dataset <name>", "name of the dataset (default: from the file name)")
    .option(
      "--cell-type-column <column>",
      "obs column of the cell type (default: found by its name)",
    )
    .option(
      "--perturbation-column <column>",
      "obs column of the perturbation (default: found by its name)",
    )
    .option("--donor-column <column>", "obs column of the donor (default: found by its name)")
    .option(
      "--gene-symbols-column <column>",
      "var column of the gene symbols (default: the var index)",
    )
    .option(
      "--control-label <label>",
      "value of the perturbation column that marks control cells, nan for cells without one; may be repeated",
      repeated,
    )
    .option("--cell-type-of-all <name>", "what all cells are, for a file without a column for it")
    .option(
      "--perturbation-type <type>",
      "how the perturbations work (CRISPRi, CRISPRa, knockout, overexpression, drug, cytokine)",
    )
    .option(
      "--only <column=value>",
      "import only cells with this value of an obs column; may be repeated, also for one column",
      repeated,
    )
    .addOption(
      new Option(
        "--repeated-genes <what>",
        "add up the counts of genes that share a symbol, keep them apart, or refuse the file",
      ).choices(REPEATED_GENES),
    )
    .option("--layer <name>", "layer that holds the counts")
    .option("--modality <name>", MODALITY);

/** Those of the options that are about an atlas. */
export const atlasOptions = ({
  dataset,
  cellTypeColumn,
  perturbationColumn,
  donorColumn,
  geneSymbolsColumn,
  controlLabel,
  cellTypeOfAll,
  perturbationType,
  only,
  repeatedGenes,
  layer,
  modality,
}: AtlasOptions): AtlasOptions =>
  given({
    dataset,
    cellTypeColumn,
    perturbationColumn,
    donorColumn,
    geneSymbolsColumn,
    controlLabel,
    cellTypeOfAll,
    perturbationType,
    only,
    repeatedGenes,
    layer,
    modality,
  });

export const importColumns = (options: AtlasOptions) => ({
  columns: given({
    cell_type: options.cellTypeColumn,
    perturbation: options.perturbationColumn,
    donor: options.donorColumn,
    gene_symbols: options.geneSymbolsColumn,
    control_labels: options.controlLabel,
  }),
  ...given({
    dataset: options.dataset,
    cellType: options.cellTypeOfAll,
    perturbationType: options.perturbationType,
    only: options.only === undefined ? undefined : readOnly(options.only),
    repeatedGenes: options.repeatedGenes,
    layer: options.layer,
    modality: options.modality,
  }),
});
