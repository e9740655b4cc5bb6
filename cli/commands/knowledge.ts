import type { Command } from "commander";
import { knowledgeFolder } from "../../adapters.ts";
import { loadConfig } from "../../config.ts";
import {
  importKnowledge,
  readImports,
  type ImportedKnowledge,
} from "../../science/knowledge/import-folder.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { print, table } from "../output.ts";
import type { CommonOptions } from "../common.ts";

const folderOf = (options: CommonOptions): string =>
  knowledgeFolder(loadConfig(process.env, options.dataDir));

const summary = ({
  name,
  source_file,
  source_sha256,
  cell_types,
  pathways,
  warnings,
}: ImportedKnowledge) => ({
  name,
  source_file,
  source_sha256,
  cell_types: cell_types.length,
  gene_sets: pathways.length,
  warnings,
});

export function addKnowledgeCommands(program: Command): void {
  const knowledge = program
    .command("knowledge")
    .description("Import and list cell types and gene sets, used beside the built-in ones.");

  knowledge
    .command("import")
    .description("Take in a Cell Ontology .obo file or a gene set .gmt file.")
    .argument("<file>", ".obo or .gmt file")
    .option(
      "--name <name>",
      "name of the import (default: from the file name); an import of that name is replaced",
    )
    .action((file: string, options: CommonOptions & { name?: string }) => {
      const imported = summary(
        importKnowledge({
          file,
          folder: folderOf(options),
          ...(options.name === undefined ? {} : { name: options.name }),
        }),
      );
      const { name, cell_types, gene_sets, warnings } = imported;
      print(
        options.json === true,
        imported,
        [
          `${name}: ${cell_types > 0 ? `${cell_types} cell types` : `${gene_sets} gene sets`}`,
          ...warnings.map((warning) => `Warning: ${warning}`),
        ].join("\n"),
      );
    });

  knowledge
    .command("list")
    .description("The built-in knowledge and what was imported.")
    .action((options: CommonOptions) => {
      const { cellTypes, perturbations, pathways } = loadKnowledge();
      const builtIn = {
        cell_types: cellTypes.length,
        perturbations: perturbations.length,
        gene_sets: pathways.length,
      };
      const imports = readImports(folderOf(options)).map(summary);
      const rows = [
        ["built in", builtIn.cell_types, builtIn.gene_sets, ""],
        ...imports.map(({ name, cell_types, gene_sets, source_file }) => [
          name,
          cell_types,
          gene_sets,
          source_file,
        ]),
      ];
      print(
        options.json === true,
        { built_in: builtIn, imports },
        table(["name", "cell types", "gene sets", "file"], rows),
      );
    });
}
