import { createHash, randomUUID } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { AtlasColumns, AtlasIndex, CellGroup, FurtherName } from "./atlas-index.ts";
import { HaystackError } from "../../errors.ts";
import { given } from "../../given.ts";
import type { H5adFile } from "../anndata/open.ts";
import { openH5ad } from "../anndata/open.ts";
import { filesBelow } from "../anndata/zarr-folder.ts";
import type { GroupedCells, LabelledGroup, LabelResolver } from "./cell-groups.ts";
import { groupCells, uniqueNames } from "./cell-groups.ts";
import { chooseSlot, type CountsSource } from "./choose-slot.ts";
import type { RepeatedGenes, SlotGenes } from "./genes.ts";
import { geneSymbols } from "./genes.ts";
import { sharedBySamples } from "./columns/sample-columns.ts";
import { withConditions } from "./columns/other-conditions.ts";
import { notStoredWarnings } from "./not-stored.ts";
import type { LabelsRead, ToldLabels } from "./read-labels.ts";
import { readLabels } from "./read-labels.ts";
import { CellScratch } from "./cell-scratch.ts";
import type { CountedCells } from "./write-counts.ts";
import { checkRounded, writeCounts } from "./write-counts.ts";
import { countWarnings, importWarnings } from "./import-warnings.ts";
import { type AtlasPart, groupsOfShare, PROFILES, type Share } from "./parts.ts";
import { toldAtImport } from "./told-at-import.ts";
import { type ShardOptions, writeGroups } from "./write-groups.ts";

export type { LabelResolver };

export interface ImportOptions extends ToldLabels, Pick<ShardOptions, "shardValues"> {
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

export interface PartOptions extends ImportOptions {
  readonly share: Share;
  /** Those of all parts differ. */
  readonly shardPrefix: string;
}

/**
 * Splits an .h5ad file into cell groups: shards (.h5ad, counts) with the cells of each group one
 * after another, one mean profile a group, and an index. Streams over the source once; memory grows
 * with the labels of the cells, not with their counts. The folder appears complete or not at all.
 * @throws what openH5ad throws, COLUMN_NOT_FOUND, PERTURBATION_COLUMN_MISSING,
 * CONTROL_LABEL_MISSING, COUNTS_INVALID, GENES_DUPLICATED, GROUP_EMPTY, ATLAS_EXISTS
 */
export const importAtlas = (options: ImportOptions, resolver: LabelResolver): Promise<AtlasIndex> =>
  intoFolder(options, async (file, folder) => {
    const plan = planImport(file, options, resolver);
    const { counted, groups } = await countGroups(file, folder, plan, plan, options);
    checkRounded(counted, plan.source.slot.name, file.path);
    const { warnings, ...described } = await describeAtlas(options, file, plan);
    return {
      ...described,
      n_cells: groups.reduce((total, group) => total + group.n_cells, 0),
      groups,
      profiles: PROFILES,
      warnings: [...warnings, ...countWarnings(counted)],
    };
  });

/**
 * The share of an import that one of several machines does: the shards and mean profiles of some of
 * the groups, with a description in place of an index (part.json), from which joinParts makes that.
 * @throws as importAtlas
 */
export const importPart = (
  { share, shardPrefix, ...options }: PartOptions,
  resolver: LabelResolver,
): Promise<AtlasPart> =>
  intoFolder(options, async (file, folder) => {
    const plan = planImport(file, options, resolver);
    const { counted, groups } = await countGroups(file, folder, plan, groupsOfShare(plan, share), {
      ...options,
      shardPrefix,
    });
    const atlas = await describeAtlas(options, file, plan);
    return { format: "haystack-atlas-part/1", share, atlas, counted, groups };
  });

/**
 * What an import would make of the file, before anything is counted.
 * @throws as importAtlas
 */
export async function describeImport(
  options: Omit<ImportOptions, "outDir">,
  resolver: LabelResolver,
): Promise<AtlasPart["atlas"]> {
  const file = await openH5ad(options.source, options.modality);
  try {
    return await describeAtlas(options, file, planImport(file, options, resolver));
  } finally {
    file.close();
  }
}

/** The name of an atlas of this file that is given none. */
export const datasetOf = (source: string): string =>
  basename(source).replace(/\.(?:h5ad|h5mu|h5|loom|zarr)(?:\.gz)?$/i, "");

async function intoFolder<Made>(
  options: ImportOptions,
  make: (file: H5adFile, folder: string) => Promise<Made>,
): Promise<Made> {
  const outDir = resolve(options.outDir);
  await checkVacant(outDir);
  const file = await openH5ad(options.source, options.modality);
  const building = join(dirname(outDir), `.${basename(outDir)}.importing-${randomUUID()}`);
  try {
    await mkdir(building, { recursive: true });
    const made = await make(file, building);
    await writeFile(join(building, "index.json"), `${JSON.stringify(made)}\n`, { flush: true });
    await rename(building, outDir);
    return made;
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

/** How a file is read: which cells form which groups, by which genes, from which values. */
interface ImportPlan {
  readonly dataset: string;
  readonly source: CountsSource;
  readonly slotGenes: SlotGenes;
  readonly columns: AtlasColumns;
  readonly furtherNames: readonly FurtherName[];
  readonly sampleColumns: LabelsRead["sampleColumns"];
  readonly groups: readonly LabelledGroup[];
  readonly groupOf: Int32Array;
  /** Of the cells, unique. */
  readonly names: readonly string[];
  readonly warnings: readonly string[];
}

function planImport(
  file: H5adFile,
  options: Omit<ImportOptions, "outDir">,
  resolver: LabelResolver,
): ImportPlan {
  if (file.nObs === 0)
    throw new HaystackError("GROUP_EMPTY", `${file.path} has no cells; use a file that has some.`);
  const dataset = options.dataset ?? datasetOf(options.source);
  const source = chooseSlot(file, options.layer);
  const read = readLabels(file, options, resolver, source.slot);
  const { columns, furtherNames, sampleColumns, otherConditions } = read;
  const slotGenes = geneSymbols(
    file,
    source.slot,
    columns.gene_symbols,
    options.repeatedGenes,
    resolver,
  );
  const grouped = groupCells(read.labels, dataset, read.rules, resolver);
  const { groupOf } = grouped;
  const groups = withConditions(withSamples(grouped, sampleColumns), groupOf, otherConditions);
  checkGroups(file, groups, columns);
  const { names, renamed } = uniqueNames(file.index("obs"));
  const warnings = importWarnings({
    nObs: file.nObs,
    groups,
    source,
    ...read,
    slotGenes,
    repeatedGenes: options.repeatedGenes ?? "sum",
    resolver,
    renamed,
  }).concat(
    notStoredWarnings(
      file,
      [source.slot],
      [columns.cell_type, columns.perturbation, columns.donor, columns.dose, columns.time],
    ),
  );
  return {
    dataset,
    source,
    slotGenes,
    columns,
    furtherNames,
    sampleColumns,
    groups,
    groupOf,
    names,
    warnings,
  };
}

/** Counts the cells of these groups and writes their shards and mean profiles. */
async function countGroups(
  file: H5adFile,
  folder: string,
  { source, slotGenes, names }: ImportPlan,
  { groups: labelled, groupOf }: Pick<ImportPlan, "groups" | "groupOf">,
  shards: ShardOptions,
): Promise<{ readonly counted: CountedCells; readonly groups: readonly CellGroup[] }> {
  const { genes } = slotGenes;
  const scratchPath = join(folder, "cells.scratch");
  const scratch = new CellScratch(scratchPath, file.nObs, genes.length);
  try {
    const cells = { groupOf, scratch };
    const counted = writeCounts(file, source, slotGenes, cells);
    const groups = await writeGroups(folder, labelled, { names, genes }, cells, shards);
    return { counted, groups };
  } finally {
    scratch.close();
    await rm(scratchPath);
  }
}

/** What the index says of the whole atlas but its cells. */
const describeAtlas = async (
  { source: path, ...options }: Pick<ImportOptions, "source"> & ToldLabels,
  file: H5adFile,
  {
    dataset,
    source,
    slotGenes: { genes },
    columns,
    furtherNames,
    sampleColumns,
    warnings,
  }: ImportPlan,
): Promise<AtlasPart["atlas"]> => ({
  format: "haystack-atlas/2",
  dataset,
  source_file: basename(path),
  source_sha256: await sha256(path),
  simulated: Boolean(file.unsValue("simulated")),
  columns,
  ...given({ told: toldAtImport(options, file.modality) }),
  n_genes: genes.length,
  genes,
  x_source: { slot: source.slot.name, kind: source.kind },
  ...(furtherNames.length === 0 ? {} : { further_names: furtherNames }),
  ...(sampleColumns.length === 0
    ? {}
    : { sample_columns: sampleColumns.map(({ name, kind }) => ({ name, kind })) }),
  warnings,
});

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
