import { readFileSync } from "node:fs";
import { ownFile } from "../../own-files.ts";
import { unpackNames } from "./name-list.ts";
import type { NameList } from "./name-list.ts";

/** The names of public vocabularies that are shipped in data/, each read at its first use. */

export const VOCABULARIES = [
  "drugs",
  "compounds",
  "genes",
  "cell-lines",
  "diseases",
  "tissues",
  "words",
] as const;
type Vocabulary = (typeof VOCABULARIES)[number];

const read = new Map<Vocabulary, NameList>();

export function vocabulary(name: Vocabulary): NameList {
  const known =
    read.get(name) ?? unpackNames(readFileSync(ownFile(`science/knowledge/data/${name}.txt.br`)));
  read.set(name, known);
  return known;
}
