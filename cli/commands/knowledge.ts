import type { Command } from "commander";
import { readConfig } from "../configuration.ts";
import { given } from "../../given.ts";
import type { ImportedKnowledge } from "../../science/knowledge/import-folder.ts";
import { print, table } from "../output.ts";
import type { CommonOptions } from "../common.ts";

async function folderOf(options: CommonOptions): Promise<string> {
  const { knowledgeFolder } = await import("../../adapters/knowledge.ts");
  return knowledgeFolder(readConfig(options.dataDir));
}

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
    .description("Import and list cell types and gene sets that add to the built-in ones.");

  knowledge
    .command("import")
    .description("Import a Cell Ontology .obo file or a gene set .gmt file.")
    .argument("<file>", ".obo or .gmt file")
    .option(
      "--name <name>",
      "name of the import (default: from the file name); an import of that name is replaced",
    )
    .action(async (file: string, options: CommonOptions & { name?: string }) => {
      const { importKnowledge } = await import("../../science/knowledge/import-folder.ts");
      const imported = summary(
        importKnowledge({
          file,
          folder: await folderOf(options),
          ...given({ name: options.name }),
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
    .description("List the built-in knowledge with its sources and licences, and the imported one.")
    .action(async (options: CommonOptions) => {
      const [{ readImports }, { loadKnowledge }, { SOURCES }] = await Promise.all([
        import("../../science/knowledge/import-folder.ts"),
        import("../../science/knowledge/load.ts"),
        import("../../science/knowledge/sources.ts"),
      ]);
      const { cellTypes, perturbations, pathways } = loadKnowledge();
      const builtIn = {
        cell_types: cellTypes.length,
        perturbations: perturbations.length,
        gene_sets: pathways.length,
      };
      const imports = readImports(await folderOf(options)).map(summary);
      const sources = SOURCES.map((each) => ({ ...each, entries: each.entries() }));
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
        { built_in: builtIn, sources, imports },
        [
          table(["name", "cell types", "gene sets", "file"], rows),
          table(
            ["source", "holds", "entries", "version", "licence"],
            sources.map(({ source, holds, entries, version, licence }) => [
              source,
              holds,
              entries,
              version,
              licence,
            ]),
          ),
        ].join("\n\n"),
      );
    });
}
