import { createHash, randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { HaystackError } from "../../errors.ts";
import { given } from "../../given.ts";
import { parseGmt } from "./import-gmt.ts";
import { parseObo } from "./import-obo.ts";
import { cellTypeEntrySchema, pathwayEntrySchema } from "./knowledge.ts";

/** Knowledge that the user imported: one JSON file each in a folder of its own. */

const importedSchema = z.object({
  format: z.literal("haystack-knowledge/1"),
  name: z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/),
  source_file: z.string(),
  source_sha256: z.string(),
  /** Where it came from, if not from a file of this machine. */
  url: z.string().optional(),
  /** As the file states it, or as told at import. */
  version: z.string().optional(),
  licence: z.string().optional(),
  cell_types: z.array(cellTypeEntrySchema),
  pathways: z.array(pathwayEntrySchema),
  warnings: z.array(z.string()),
});
export type ImportedKnowledge = z.infer<typeof importedSchema>;

/**
 * Reads a Cell Ontology .obo or a gene set .gmt file, checks it and keeps it in `folder` under
 * `name` (default: the file's name), in place of what had that name. Throws FILE_NOT_FOUND,
 * KNOWLEDGE_INVALID.
 */
export function importKnowledge(options: {
  readonly file: string;
  readonly folder: string;
  readonly name?: string;
  readonly url?: string;
  /** Where the file states none. */
  readonly licence?: string;
  /** What the file must have, in hexadecimal. */
  readonly sha256?: string;
}): ImportedKnowledge {
  const { file, folder, url } = options;
  const shown = basename(file);
  const name = options.name ?? shown.replace(/\.(obo|gmt)$/i, "");
  if (!existsSync(file) || !statSync(file).isFile())
    throw new HaystackError(
      "FILE_NOT_FOUND",
      `There is no file ${file}; correct the path to the .obo or .gmt file.`,
    );
  if (!importedSchema.shape.name.safeParse(name).success)
    throw new HaystackError(
      "KNOWLEDGE_INVALID",
      `"${name}" cannot be used as a name; use letters, digits, dots, hyphens and underscores in --name.`,
    );
  const bytes = readFileSync(file);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (options.sha256 !== undefined && options.sha256.toLowerCase() !== sha256)
    throw new HaystackError(
      "KNOWLEDGE_INVALID",
      `${shown} has the SHA-256 ${sha256}, not the one given; get the file again, or correct --sha256.`,
    );
  const text = asText(bytes, shown);
  const stated = statedIn(text);
  const common = {
    format: "haystack-knowledge/1",
    name,
    source_file: shown,
    source_sha256: sha256,
    ...given({ url, version: stated.version, licence: stated.licence ?? options.licence }),
  } as const;
  let imported: ImportedKnowledge;
  if (/\.obo$/i.test(file))
    imported = { ...common, cell_types: parseObo(text, shown), pathways: [], warnings: [] };
  else if (/\.gmt$/i.test(file)) {
    const { sets, tooSmall } = parseGmt(text, shown);
    imported = {
      ...common,
      cell_types: [],
      pathways: sets,
      warnings:
        tooSmall === 0 ? [] : [`${tooSmall} gene sets have fewer than 5 genes and were left out.`],
    };
  } else
    throw new HaystackError(
      "KNOWLEDGE_INVALID",
      `${shown} is neither an .obo nor a .gmt file; use a Cell Ontology or a gene set file.`,
    );
  writeWhole(folder, `${name}.json`, JSON.stringify(imported));
  return imported;
}

const HEADER_LETTERS = 20_000;

/** Version and licence in the header of an .obo file; a .gmt file has none. */
export function statedIn(text: string): { readonly version?: string; readonly licence?: string } {
  const [header = ""] = text.slice(0, HEADER_LETTERS).split(/^\[Term\]/m);
  const version = /^data-version:\s*(\S.{0,99})$/m.exec(header)?.[1]?.trim();
  const licence =
    /^property_value:\s*\S*(?:terms[/:]license|terms[/:]rights)\s+"?([^\s"]{1,200})/m.exec(
      header,
    )?.[1];
  return given({ version, licence });
}

/**
 * What was imported into `folder`, by name; none when there is no such folder. Throws FILE_DAMAGED.
 */
export function readImports(folder: string): ImportedKnowledge[] {
  return importFiles(folder).map((file) => {
    try {
      return importedSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    } catch (cause) {
      throw new HaystackError(
        "FILE_DAMAGED",
        `${file} is damaged or was written by another version; import the knowledge again, or remove the file.`,
        { cause },
      );
    }
  });
}

/** Changes when something is imported. */
export function importsFingerprint(folder: string): string {
  return importFiles(folder)
    .map((file) => `${file}:${statSync(file).mtimeMs}:${statSync(file).size}`)
    .join("\n");
}

function importFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .map((file) => join(folder, file));
}

function asText(bytes: Uint8Array, shown: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new HaystackError(
      "KNOWLEDGE_INVALID",
      `${shown} is not a UTF-8 text file; decompress it if it is compressed.`,
      { cause },
    );
  }
}

function writeWhole(folder: string, name: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  const temporary = join(folder, `${name}.${randomUUID()}.tmp`);
  try {
    writeFileSync(temporary, text, { flag: "wx", flush: true });
    renameSync(temporary, join(folder, name));
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw thrown;
  }
}
