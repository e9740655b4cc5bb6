import type { Knowledge, PerturbationEntry } from "./knowledge.ts";
import type { Term } from "./term-index.ts";
import { usualKey } from "./other-drug-names.ts";
import { toolCompound } from "./tool-compounds.ts";
import { joined, labelKey, tokenise } from "./tokens.ts";
import type { Token } from "./tokens.ts";
import { vocabulary } from "./vocabularies.ts";

/**
 * Drugs and compounds that public vocabularies name (DrugBank, ChEBI) and whose response nobody
 * recorded: entries with name and id, and nothing that an answer could be held against.
 */

interface Source {
  readonly list: "drugs" | "compounds";
  readonly key: "drugbank" | "chebi";
  readonly title: string;
}
const SOURCES: readonly Source[] = [
  { list: "drugs", key: "drugbank", title: "DrugBank" },
  { list: "compounds", key: "chebi", title: "ChEBI" },
];

/** A form in which a drug is sold, not another drug; of a metal it is the substance itself. */
const SALTS = new Set(
  "hcl 2hcl hydrochloride dihydrochloride hydrobromide mesylate dimesylate maleate malate phosphate diphosphate citrate tartrate sulfate sulphate acetate fumarate succinate tosylate ditosylate besylate trifluoroacetate tfa sodium disodium potassium hydrate monohydrate dihydrate trihydrate hemihydrate".split(
    " ",
  ),
);
/** Parts of names that are none by themselves. */
const GROUPS = new Set(
  "methyl ethyl propyl acetyl phenyl benzoyl chloride bromide oxide".split(" "),
);
const METALS =
  /^(?:sodium|potassium|calcium|magnesium|zinc|copper|iron|ferrous|ferric|lithium|ammonium|manganese|silver|gold|barium|aluminium|aluminum|cobalt|nickel|lead|hydrogen)/;
const SHORTEST_SALT_FREE = 5;
/** Abbreviations count as written in capitals or with digits: "ATP", not "max". */
const SHORTEST_WORD = 5;

const made = new WeakMap<Knowledge, Map<string, PerturbationEntry>>();

/**
 * The drug that the tokens name, whole or as a salt; null when the vocabularies know none. Cells that
 * are given as a therapy are not meant.
 */
export function namedDrug(
  tokens: readonly Token[],
  knowledge: Knowledge,
): Term<PerturbationEntry> | null {
  if (tokens.some(({ key }) => key === "cell" || key === "cells")) return null;
  const isSimple = tokens.length > 1 && METALS.test(tokens[0]?.plain ?? "");
  const isHalide = isSimple && GROUPS.has(tokens.at(-1)?.plain ?? "");
  if (!isHalide && tokens.every(({ plain }) => SALTS.has(plain) || GROUPS.has(plain))) return null;
  const base = tokens.slice(0, tokens.findLastIndex(({ plain }) => !SALTS.has(plain)) + 1);
  const [whole, substance] = [joined(tokens).asWritten, joined(base).asWritten];
  const isSalt = substance.length >= SHORTEST_SALT_FREE && !METALS.test(substance);
  const keys = isSalt ? [...new Set([whole, substance])] : [whole];
  for (const source of SOURCES)
    for (const key of keys) {
      const term = named(key, source, knowledge);
      if (term !== null) return term;
    }
  return keys.map((key) => tool(key, knowledge)).find((term) => term !== null) ?? null;
}

/** A compound under a name that no vocabulary has; it is the drug that one has by another of its names. */
function tool(key: string, knowledge: Knowledge): Term<PerturbationEntry> | null {
  const compound = toolCompound(key);
  if (compound === undefined) return null;
  const entries = made.get(knowledge) ?? curatedDrugs(knowledge);
  made.set(knowledge, entries);
  const names = [compound.name, ...compound.synonyms].map(labelKey);
  const curated = names.map((name) => entries.get(`name ${name}`)).find(Boolean);
  const known = SOURCES.flatMap((source) =>
    names.flatMap((name) => named(name, source, knowledge)?.meaning ?? []),
  );
  const short = key.length < SHORTEST_WORD && !/\d/.test(key);
  return {
    text: compound.name,
    meaning: curated ?? known[0] ?? compound,
    ...(short ? { written: "capitals" } : {}),
  };
}

function named(
  written: string,
  source: Source,
  knowledge: Knowledge,
): Term<PerturbationEntry> | null {
  const key = usualKey(written);
  const concept = /\p{L}/u.test(key) ? vocabulary(source.list).find(key) : null;
  if (concept === null) return null;
  const ownKey = labelKey(concept.name);
  const isOther = key === written && key !== ownKey;
  if (isOther && vocabulary("words").find(key) !== null) return null;
  const entries = made.get(knowledge) ?? curatedDrugs(knowledge);
  made.set(knowledge, entries);
  const meaning =
    entries.get(`${source.key} ${concept.id}`) ??
    entries.get(`name ${ownKey}`) ??
    entryOf(source, concept);
  entries.set(`${source.key} ${concept.id}`, meaning);
  const short = written.length < SHORTEST_WORD && !/\d/.test(written);
  return { text: concept.name, meaning, ...(short ? { written: "capitals" } : {}) };
}

function curatedDrugs({ perturbations }: Knowledge): Map<string, PerturbationEntry> {
  const entries = new Map<string, PerturbationEntry>();
  for (const entry of perturbations) {
    if (entry.kind === "genetic") continue;
    entries.set(`name ${labelKey(entry.name)}`, entry);
    for (const { key } of SOURCES) {
      const id = entry.external_ids[key];
      if (id !== undefined) entries.set(`${key} ${id}`, entry);
    }
  }
  return entries;
}

/** By the words and stems of the names of cytokines and growth factors that are given as drugs. */
const CYTOKINE =
  /interferon|interleukin|leukin\b|poietin|poetin|grastim|ermin\b|morphogenetic protein|(?:growth|neurotrophic|stimulating|inhibitory|necrosis) factor/i;
/** What is bound to one or acts on its receptor is none. */
const NO_CYTOKINE = /mab\b|diftitox|receptor|antagonist|inhibitor\b|immuno|chimeric|vaccine/i;

function entryOf(
  { key, title }: Source,
  { name, id }: { readonly name: string; readonly id: string },
): PerturbationEntry {
  const compound = toolCompound(labelKey(name));
  const slug = id.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return {
    id: slug.startsWith(key) ? slug : `${key}-${slug}`,
    name,
    kind: CYTOKINE.test(name) && !NO_CYTOKINE.test(name) ? "cytokine" : "drug",
    synonyms: [],
    external_ids: { [key]: id },
    targets: compound?.targets ?? [],
    response: [],
    pathways: [],
    mechanism: compound?.mechanism ?? "",
    source: `${title} ${id}; no response to it is recorded.`,
  };
}

/** As namedDrug, for a label of an atlas. */
export const drugOfLabel = (label: string, knowledge: Knowledge): PerturbationEntry | null =>
  namedDrug(tokenise(label), knowledge)?.meaning ?? null;
