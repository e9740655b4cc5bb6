import { readFileSync } from "node:fs";
import { ownFile } from "../../own-files.ts";
import type { PerturbationEntry } from "./knowledge.ts";
import { labelKey } from "./tokens.ts";

/**
 * Compounds of laboratories that no vocabulary of drugs names: name, mechanism class and the genes
 * that they act on. No response to them is recorded.
 */

const SOURCE = "curated name and mechanism, not reviewed; no response to it is recorded.";

let read: readonly PerturbationEntry[] | undefined;
let index: ReadonlyMap<string, PerturbationEntry> | undefined;

export function toolCompounds(): readonly PerturbationEntry[] {
  read ??= readFileSync(ownFile("science/knowledge/data/tool-compounds.tsv"), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(entryOf);
  return read;
}

/** The compound that has this key (see labelKey) as one of its names. */
export function toolCompound(key: string): PerturbationEntry | undefined {
  index ??= new Map(
    toolCompounds().flatMap((entry) =>
      [entry.name, ...entry.synonyms].map((name) => [labelKey(name), entry] as const),
    ),
  );
  return index.get(key);
}

function entryOf(line: string): PerturbationEntry {
  const [name = "", others = "", mechanism = "", genes = ""] = line.split("\t");
  return {
    id: `tool-${name
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-|-$/g, "")}`,
    name,
    kind: "drug",
    synonyms: listIn(others),
    external_ids: {},
    targets: listIn(genes).map((gene) =>
      gene.startsWith("+")
        ? { gene: gene.slice(1), action: "activates" }
        : { gene, action: "inhibits" },
    ),
    response: [],
    pathways: [],
    mechanism: mechanism.trim(),
    source: SOURCE,
  };
}

const listIn = (cell: string): string[] =>
  cell
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
