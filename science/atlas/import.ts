import { createHash, randomUUID } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { AtlasColumns, AtlasIndex, CellGroup } from "./atlas-index.ts";
import { HaystackError } from "../../errors.ts";
import type { H5adFile } from "../anndata/open.ts";
import { openH5ad } from "../anndata/open.ts";
import { filesBelow } from "../anndata/zarr-folder.ts";
import type { GroupedCells, LabelledGroup, LabelResolver } from "./cell-groups.ts";
import { groupCells, uniqueNames } from "./cell-groups.ts";
import { chooseSlot } from "./choose-slot.ts";
import type { RepeatedGenes } from "./genes.ts";
import { geneSymbols } from "./genes.ts";
import { sharedBySamples } from "./columns/sample-columns.ts";
import type { LabelsRead, ToldLabels } from "./read-labels.ts";
import { readLabels } from "./read-labels.ts";
import { CellScratch } from "./cell-scratch.ts";
import type { CountedCells } from "./write-counts.ts";
import { writeCounts } from "./write-counts.ts";
import { importWarnings } from "./import-warnings.ts";
import { writeGroups } from "./write-groups.ts";

export type { LabelResolver };

export interface ImportOptions extends ToldLabels {
  readonly source: string;
  /** The atlas folder; must not exist yet, or be empty. */
  readonly outDir: string;
  /** Short name of the data set; the file name without .h5ad unless given. */
  readonly dataset?: string;
  /** What becomes of genes that share a symbol: their counts are added up unless told. */
  readonly repeatedGenes?: RepeatedGenes;
  /** Where the counts are: "X", "raw/X" or the name of a layer; found unless given. */
  readonly layer?: string;
  /** Of a MuData file; the RNA unless given. */
  readonly modality?: string;
}

/**
 * Splits an .h5ad file into cell groups: shards (.h5ad, counts) with the cells of each group one
 * after another, one mean profile a group, and an index. Streams over the source once; memory grows
 * with the labels of the cells, not with their counts. The folder appears complete or not at all.
 * @throws what openH5ad throws, COLUMN_NOT_FOUND, PERTURBATION_COLUMN_MISSING,
 * CONTROL_LABEL_MISSING, COUNTS_INVALID, GENES_DUPLICATED, GROUP_EMPTY, ATLAS_EXISTS
 */
export async function importAtlas(
  options: ImportOptions,
  resolver: LabelResolver,
): Promise<AtlasIndex> {
  const outDir = resolve(options.outDir);
  await checkVacant(outDir);
  const file = await openH5ad(options.source, options.modality);
  const building = join(dirname(outDir), `.${basename(outDir)}.importing-${randomUUID()}`);
  try {
    await mkdir(building, { recursive: true });
    const index = await build(file, building, options, resolver);
    await rename(building, outDir);
    return index;
  } catch (thrown) {
    await rm(building, { recursive: true, force: true });
    throw thrown;
  } finally {
    file.close();
  }
}

function withSamples(
  { groups, groupOf }: GroupedCells,
  columns: LabelsRead["sampleColumns"],
): readonly LabelledGroup[] {
  const shared = sharedBySamples(columns, groupOf, groups.length);
  return groups.map((group, at) => {
    const sample = columns.flatMap(({ name }, column) => {
      const value = shared[at]?.[column];
      return value === undefined ? [] : [[name, value] as const];
    });
    return sample.length === 0 ? group : { ...group, sample: Object.fromEntries(sample) };
  });
}

async function build(
  file: H5adFile,
  folder: string,
  options: ImportOptions,
  resolver: LabelResolver,
): Promise<AtlasIndex> {
  if (file.nObs === 0)
    throw new HaystackError("GROUP_EMPTY", `${file.path} has no cells; use a file that has some.`);
  const dataset =
    options.dataset ??
    basename(options.source).replace(/\.(?:h5ad|h5mu|h5|loom|zarr)(?:\.gz)?$/i, "");
  const source = chooseSlot(file, options.layer);
  const read = readLabels(file, options, resolver, source.slot);
  const { columns } = read;
  const slotGenes = geneSymbols(file, source.slot, columns.gene_symbols, options.repeatedGenes);
  const { genes } = slotGenes;
  const grouped = groupCells(read.labels, dataset, read.rules, resolver);
  const { groupOf } = grouped;
  const labelled = withSamples(grouped, read.sampleColumns);
  checkGroups(file, labelled, columns);
  const { names, renamed } = uniqueNames(file.index("obs"));

  const scratchPath = join(folder, "cells.scratch");
  const scratch = new CellScratch(scratchPath, file.nObs, genes.length);
  let counted: CountedCells;
  let groups: readonly CellGroup[];
  try {
    counted = writeCounts(file, source, slotGenes, { groupOf, scratch });
    groups = await writeGroups(folder, labelled, { names, genes }, { groupOf, scratch });
  } finally {
    scratch.close();
    await rm(scratchPath);
  }

  const index: AtlasIndex = {
    format: "haystack-atlas/2",
    dataset,
    source_file: basename(options.source),
    source_sha256: await sha256(options.source),
    simulated: Boolean(file.unsValue("simulated")),
    columns,
    n_cells: groups.reduce((total, group) => total + group.n_cells, 0),
    n_genes: genes.length,
    genes,
    x_source: { slot: source.slot.name, kind: source.kind },
    groups,
    ...(read.furtherNames.length === 0 ? {} : { further_names: read.furtherNames }),
    ...(read.sampleColumns.length === 0
      ? {}
      : { sample_columns: read.sampleColumns.map(({ name, kind }) => ({ name, kind })) }),
    profiles: "profiles.f32",
    warnings: importWarnings({
      nObs: file.nObs,
      groups,
      source,
      columns,
      choice: read.choice,
      kinds: read.kinds,
      counted,
      slotGenes,
      repeatedGenes: options.repeatedGenes ?? "sum",
      resolver,
      renamed,
    }),
  };
  await writeFile(join(folder, "index.json"), `${JSON.stringify(index)}\n`, {
    flush: true,
  });
  return index;
}

function checkGroups(
  file: H5adFile,
  groups: readonly LabelledGroup[],
  columns: AtlasColumns,
): void {
  const fail = (what: string) =>
    new HaystackError(
      "GROUP_EMPTY",
      `${file.path} has no ${what} with a cell type, perturbation and donor; fill in these obs columns or name others.`,
    );
  if (groups.length === 0) throw fail("cell");
  if (!groups.some((group) => group.is_control))
    throw fail(`control cell (${columns.perturbation} = ${columns.control_label})`);
  if (groups.every((group) => group.is_control)) throw fail("perturbed cell");
}

async function checkVacant(outDir: string): Promise<void> {
  const existing = await readdir(outDir).catch((cause: NodeJS.ErrnoException) =>
    cause.code === "ENOENT" ? [] : ["something else"],
  );
  if (existing.length > 0)
    throw new HaystackError(
      "ATLAS_EXISTS",
      `${outDir} already exists; remove it or choose another name for the atlas.`,
    );
}

/** Of a folder: of the names and contents of its files. */
async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  const isFolder = statSync(path).isDirectory();
  for (const file of isFolder ? filesBelow(path) : [path]) {
    if (isFolder) hash.update(`${relative(path, file)}\0`);
    for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  }
  return hash.digest("hex");
}
