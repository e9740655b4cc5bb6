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

interface ImportOptions extends CommonOptions {
  readonly name?: string;
  readonly licence?: string;
  readonly sha256?: string;
}

const summary = ({
  name,
  url,
  version,
  licence,
  source_file,
  source_sha256,
  cell_types,
  pathways,
  warnings,
}: ImportedKnowledge) => ({
  name,
  source_file,
  source_sha256,
  ...given({ url, version, licence }),
  cell_types: cell_types.length,
  gene_sets: pathways.length,
  warnings,
});

export function addKnowledgeCommands(program: Command): void {
  const knowledge = program
    .command("knowledge")
    .description("Import, update and list cell types and gene sets that add to the built-in ones.");

  knowledge
    .command("import")
    .description("Import a Cell Ontology .obo file or a gene set .gmt file.")
    .argument("<file>", ".obo or .gmt file, or its address (https://...)")
    .option(
      "--name <name>",
      "name of the import (default: from the file name); an import of that name is replaced",
    )
    .option("--licence <licence>", "its licence, where the file does not state it")
    .option("--sha256 <digest>", "refuse a file with another SHA-256")
    .action(async (file: string, options: ImportOptions) => {
      const [{ importKnowledge }, { importFrom, isAddress }] = await Promise.all([
        import("../../science/knowledge/import-folder.ts"),
        import("../update-knowledge.ts"),
      ]);
      const { name: asked, licence, sha256 } = options;
      const folder = await folderOf(options);
      const told = given({ name: asked, licence, sha256 });
      const imported = summary(
        isAddress(file)
          ? await importFrom({ url: file, folder, ...told })
          : importKnowledge({ file, folder, ...told }),
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
    .command("update")
    .description("Fetch again what was imported from an address.")
    .argument("[name...]", "imports to update (default: all that have an address)")
    .option("--accept-licence", "also where the licence is another one now")
    .action(async (names: readonly string[], options: CommonOptions & { acceptLicence?: true }) => {
      const { updateKnowledge } = await import("../update-knowledge.ts");
      const updated = await updateKnowledge(
        await folderOf(options),
        names,
        options.acceptLicence === true,
      );
      print(
        options.json === true,
        { updated },
        updated.length === 0
          ? "Nothing was imported from an address; the built-in knowledge comes with a new release."
          : table(
              ["name", "is new", "version", "licence"],
              updated.map(({ name, changed, version, licence }) => [
                name,
                changed ? "yes" : "no",
                version,
                licence,
              ]),
            ),
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
        ["built in", builtIn.cell_types, builtIn.gene_sets, "", "", ""],
        ...imports.map(({ name, cell_types, gene_sets, source_file, url, version, licence }) => [
          name,
          cell_types,
          gene_sets,
          url ?? source_file,
          version ?? "",
          licence ?? "",
        ]),
      ];
      print(
        options.json === true,
        { built_in: builtIn, sources, imports },
        [
          table(["name", "cell types", "gene sets", "from", "version", "licence"], rows),
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
