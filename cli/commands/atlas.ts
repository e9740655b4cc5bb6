import { existsSync } from "node:fs";
import type { Command } from "commander";
import { readConfig } from "../configuration.ts";
import type { Workbench } from "../../workbench.ts";
import { HaystackError, noAtlas } from "../../errors.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { describeAtlas, describeFile } from "../atlas-tables.ts";
import { bucketPlace, withLocalSource } from "../local-source.ts";
import { given } from "../../given.ts";
import { seedOption } from "../options.ts";
import { addAtlasOptions, importColumns, MODALITY, type AtlasOptions } from "../atlas-options.ts";
import { note, print, table } from "../output.ts";
import type { CommonOptions } from "../common.ts";

async function withWorkbench<Result>(
  options: CommonOptions,
  work: (workbench: Workbench) => Promise<Result>,
): Promise<Result> {
  const { openWorkbench } = await import("../../workbench.ts");
  const workbench = await openWorkbench(readConfig(options.dataDir), ({ message }) =>
    note(`haystack: ${message}`),
  );
  try {
    return await work(workbench);
  } finally {
    await workbench.close();
  }
}

const distinct = (index: AtlasIndex, name: "cell_type" | "perturbation" | "donor"): string[] =>
  [...new Set(index.groups.map((group) => group[name]))].toSorted();

const summary = (index: AtlasIndex) => ({
  dataset: index.dataset,
  simulated: index.simulated,
  n_cells: index.n_cells,
  n_genes: index.n_genes,
  n_groups: index.groups.length,
  cell_types: distinct(index, "cell_type"),
  perturbations: distinct(index, "perturbation"),
  donors: distinct(index, "donor"),
  control_label: index.columns.control_label,
  columns: index.columns,
  source_file: index.source_file,
  warnings: index.warnings,
});

const describe = (index: AtlasIndex): string => {
  const {
    dataset,
    simulated,
    n_cells,
    n_genes,
    n_groups,
    cell_types,
    perturbations,
    donors,
    warnings,
  } = summary(index);
  return [
    `${dataset}${simulated ? " (simulated)" : ""}: ${n_cells} cells x ${n_genes} genes in ${n_groups} cell groups`,
    `Cell types: ${cell_types.join(", ")}`,
    `Perturbations: ${perturbations.join(", ")}`,
    `Donors: ${donors.join(", ")}`,
    ...warnings.map((warning) => `Warning: ${warning}`),
  ].join("\n");
};

export function addAtlasCommands(program: Command): void {
  const atlas = program.command("atlas").description("Import, list, inspect and simulate atlases.");

  addAtlasOptions(
    atlas
      .command("import")
      .description("Split an annotated .h5ad file into cell groups.")
      .argument("<file>", ".h5ad file or zarr folder, or gs://bucket/path of one"),
  ).action(async (source: string, options: CommonOptions & AtlasOptions) => {
    const config = readConfig(options.dataDir);
    const place = bucketPlace(source);
    const index =
      place !== undefined && config.DISPATCH === "batch"
        ? await (await import("../import-on-batch.ts")).importByJob(config, place, options)
        : await withLocalSource(config, source, (file) =>
            withWorkbench(options, ({ atlases }) =>
              atlases.import({ source: file, ...importColumns(options) }),
            ),
          );
    print(options.json === true, summary(index), describe(index));
  });

  atlas
    .command("list")
    .description("List the imported atlases.")
    .action(async (options: CommonOptions) => {
      const found = (await withWorkbench(options, ({ atlases }) => atlases.list())).map(summary);
      const rows = found.map(
        ({ dataset, simulated, n_cells, n_genes, cell_types, perturbations, donors }) => [
          dataset,
          n_cells,
          n_genes,
          cell_types.length,
          perturbations.length,
          donors.length,
          simulated ? "simulated" : "",
        ],
      );
      print(
        options.json === true,
        { atlases: found },
        found.length === 0
          ? noAtlas().message
          : table(["dataset", "cells", "genes", "cell types", "perturbations", "donors", ""], rows),
      );
    });

  atlas
    .command("inspect")
    .description("Show what an .h5ad file or an imported atlas contains.")
    .argument(
      "<file-or-dataset>",
      ".h5ad file or zarr folder, gs://bucket/path of one, or name of an imported atlas",
    )
    .option("--modality <name>", MODALITY)
    .action(async (what: string, options: CommonOptions & { modality?: string }) => {
      await withWorkbench(options, async ({ atlases, compute }) => {
        if (!existsSync(what) && /^[\w.-]+$/.test(what) && !what.endsWith(".h5ad")) {
          const index = await atlases.get(what);
          print(options.json === true, summary(index), describeAtlas(index));
          return;
        }
        const found = await withLocalSource(readConfig(options.dataDir), what, (file) =>
          compute.run("inspectFile", { file, ...given({ modality: options.modality }) }),
        );
        print(options.json === true, found, describeFile(what, found));
      });
    });

  atlas
    .command("simulate")
    .description("Simulate an atlas with known effects, write it as .h5ad and import it.")
    .option("--output <file>", "where to write it", "simulated.h5ad")
    .option("--seed <n>", "seed (default: 1)")
    .option("--genes <n>", "number of genes (default: 2000)")
    .option("--cells-per-group <n>", "cells per cell type, perturbation and donor")
    .option("--no-import", "write the file without importing it")
    .action(
      async (
        options: CommonOptions & {
          output: string;
          seed?: string;
          genes?: string;
          cellsPerGroup?: string;
          import: boolean;
        },
      ) => {
        const seed = seedOption(options.seed, () => 1);
        const size = {
          ...(options.genes === undefined ? {} : { nGenes: wholeOption("--genes", options.genes) }),
          ...(options.cellsPerGroup === undefined
            ? {}
            : { cellsPerGroup: wholeOption("--cells-per-group", options.cellsPerGroup) }),
        };
        await withWorkbench(options, async ({ atlases, compute }) => {
          await compute.run("simulate", { file: options.output, options: { seed, ...size } });
          note(`Wrote the simulated atlas ${options.output}.`);
          if (!options.import)
            return print(options.json === true, { file: options.output }, options.output);
          const index = await atlases.import({ source: options.output });
          print(
            options.json === true,
            { file: options.output, ...summary(index) },
            describe(index),
          );
        });
      },
    );
}

function wholeOption(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new HaystackError("USAGE", `${name} takes a whole number of at least 1.`);
  return value;
}
