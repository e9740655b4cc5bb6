import { resolve } from "node:path";
import type { Command } from "commander";
import type { Manifest } from "../../services/archives/document.ts";
import type { CommonOptions } from "../common.ts";
import { readConfig } from "../configuration.ts";
import { print } from "../output.ts";
import { withProgress } from "../progress.ts";

export function addBackupCommands(program: Command): void {
  program
    .command("backup")
    .description(
      "Copy the data folder, also of a daemon that runs, into a folder with the checksum of each file.",
    )
    .argument("<folder>", "folder of the backup: empty, or not there yet")
    .option(
      "--link",
      "share the objects with the data folder (hard links on the same file system) in place of copying them",
    )
    .action(async (folder: string, options: CommonOptions & { readonly link?: true }) => {
      const { backUp } = await import("../../adapters/backup.ts");
      const config = readConfig(options.dataDir);
      const manifest = await withProgress(({ say }) =>
        backUp(config, folder, {
          link: options.link === true,
          onPart: (part) => say(`copying ${part}`),
        }),
      );
      print(
        options.json === true,
        shown(manifest, folder),
        [
          `${config.dataDir} is copied to ${resolve(folder)}: ${sizeOf(manifest)}.`,
          ...manifest.left_out.map(({ path, why }) => `Left out: ${path}, as ${why}.`),
        ].join("\n"),
      );
    });

  program
    .command("restore")
    .description("Make a data folder that is empty or not there from a backup.")
    .argument("<folder>", "folder of the backup")
    .action(async (folder: string, options: CommonOptions) => {
      const { restore } = await import("../../adapters/backup.ts");
      const config = readConfig(options.dataDir);
      const { manifest, changed } = await withProgress(({ say }) =>
        restore(config, folder, { onPart: (part) => say(`checking and copying ${part}`) }),
      );
      print(
        options.json === true,
        { ...shown(manifest, config.dataDir), changed },
        [
          `${config.dataDir} is as ${manifest.data_dir} was at ${manifest.created_at}: ${sizeOf(manifest)}, each as it was written.`,
          ...changed.map(({ path, why }) => `Not as it was in the bucket: ${path}, as ${why}.`),
          "Start it with `haystack serve` once the daemon of the original has stopped for good: both would answer the same questions and send the same mails.",
        ].join("\n"),
      );
    });
}

const bytesOf = ({ files }: Manifest): number => files.reduce((sum, { bytes }) => sum + bytes, 0);

const sizeOf = (manifest: Manifest): string =>
  `${manifest.files.length} files, ${(bytesOf(manifest) / 1e6).toFixed(1)} MB`;

const shown = (manifest: Manifest, folder: string) => ({
  folder: resolve(folder),
  created_at: manifest.created_at,
  software: manifest.software,
  files: manifest.files.length,
  bytes: bytesOf(manifest),
  left_out: manifest.left_out,
  sha256: manifest.sha256,
});
