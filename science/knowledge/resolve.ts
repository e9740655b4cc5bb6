import type { CellTypeEntry, Knowledge, PerturbationEntry } from "./knowledge.ts";
import { geneticEffectAt } from "./genetic-words.ts";
import type { GeneticEffect } from "./genetic-words.ts";
import { geneSymbols } from "./gene-symbols.ts";
import type { GeneSymbols } from "./gene-symbols.ts";
import { loadKnowledge } from "./load.ts";
import { buildTermIndex } from "./term-index.ts";
import type { Term, TermIndex } from "./term-index.ts";
import { joined, labelKey, tokenise } from "./tokens.ts";
import type { Token } from "./tokens.ts";

/**
 * From a label, as written in a file or a question, to the entry of the knowledge that it means.
 */

type MatchKind = "exact" | "synonym" | "spelling" | "cell_line";

export interface Resolved<Entry> {
  readonly entry: Entry;
  readonly match: MatchKind;
}

interface KnowledgeTerms {
  readonly cellTypes: TermIndex<CellTypeEntry>;
  readonly perturbations: TermIndex<PerturbationEntry>;
  readonly geneSymbols: GeneSymbols;
}

const termsOf = new WeakMap<Knowledge, KnowledgeTerms>();

export function knowledgeTerms(knowledge: Knowledge): KnowledgeTerms {
  const known = termsOf.get(knowledge);
  if (known !== undefined) return known;
  const terms = {
    cellTypes: buildTermIndex([
      ...knowledge.cellTypes.map((meaning) => ({ text: meaning.name, meaning })),
      ...knowledge.cellTypes.flatMap((meaning) =>
        [...meaning.synonyms, ...meaning.cell_lines].map((text) => ({ text, meaning })),
      ),
    ]),
    perturbations: buildTermIndex([
      ...knowledge.perturbations.map((meaning) => ({ text: meaning.name, meaning })),
      ...knowledge.perturbations.flatMap((meaning) =>
        meaning.synonyms.map((text) => ({ text, meaning })),
      ),
    ]),
    geneSymbols: geneSymbols(knowledge),
  };
  termsOf.set(knowledge, terms);
  return terms;
}

/** The cell type that `label` means ("CD14+ Monocytes", "Endothelial", "Fibroblsts"), or null. */
export function resolveCellTypeLabel(
  label: string,
  knowledge: Knowledge = loadKnowledge(),
): Resolved<CellTypeEntry> | null {
  const misspelt = (): CellTypeEntry | undefined =>
    knowledgeTerms(knowledge).cellTypes.findMisspelt(tokenise(label))?.meaning;
  return findCellType(label, knowledge) ?? spelling(misspelt());
}

/**
 * The perturbation that `label` means ("IFN-β", "STAT1_KO", "sgSTAT1", "Dexametasone"), or null.
 */
export function resolvePerturbationLabel(
  label: string,
  knowledge: Knowledge = loadKnowledge(),
): Resolved<PerturbationEntry> | null {
  const misspelt = (): PerturbationEntry | undefined =>
    knowledgeTerms(knowledge).perturbations.findMisspelt(tokenise(label))?.meaning;
  return (
    findPerturbation(label, knowledge) ??
    (geneticReading(label, knowledge) === null ? spelling(misspelt()) : null)
  );
}

/** As resolveCellTypeLabel, without guessing at spelling mistakes. */
export function findCellType(label: string, knowledge: Knowledge): Resolved<CellTypeEntry> | null {
  const id = cellOntologyIdIn(label);
  if (id !== null) {
    const entry = knowledge.cellTypes.find((known) => known.id === id);
    return entry === undefined ? null : { entry, match: "exact" };
  }
  const { cellTypes } = knowledgeTerms(knowledge);
  const tokens = tokenise(label);
  const cell: Token = { key: "cell", plain: "cell", start: 0, end: 0 };
  const term =
    cellTypes.find(tokens) ??
    (tokens.length === 0 ? undefined : cellTypes.find([...tokens, cell])) ??
    (tokens.length > 1 && /^cells?$/.test(tokens.at(-1)?.key ?? "")
      ? cellTypes.find(tokens.slice(0, -1))
      : undefined);
  return term === undefined ? null : { entry: term.meaning, match: cellTypeMatch(term) };
}

/** A label that is a Cell Ontology id itself: "CL:0000236", "CL_0000236". */
export function cellOntologyIdIn(label: string): string | null {
  const digits = /^(?:.*\/)?CL[:_](\d{7})$/.exec(label.trim())?.[1];
  return digits === undefined ? null : `CL:${digits}`;
}

/** As resolvePerturbationLabel, without guessing at spelling mistakes. */
export function findPerturbation(
  label: string,
  knowledge: Knowledge,
): Resolved<PerturbationEntry> | null {
  const term = knowledgeTerms(knowledge).perturbations.find(tokenise(label));
  if (term !== undefined) return { entry: term.meaning, match: perturbationMatch(term) };
  const genetic = geneticReading(label, knowledge);
  const entry = genetic === null ? null : findGeneticEntry(knowledge, genetic.gene, genetic.effect);
  return entry === null ? null : { entry, match: "synonym" };
}

/**
 * The gene and effect of a label with a genetic word or guide prefix ("STAT1 KO", "sgSTAT1"); null
 * for any other.
 */
export function geneticReading(
  label: string,
  knowledge: Knowledge,
): { gene: string; effect: GeneticEffect } | null {
  const { geneSymbols: symbols } = knowledgeTerms(knowledge);
  const tokens = tokenise(label);
  const rest: Token[] = [];
  let effect: GeneticEffect | null = null;
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index];
    const found = geneticEffectAt(tokens, index);
    if (found !== null) {
      effect = found.effect;
      index += found.length - 1;
    } else if (token !== undefined && !["of", "gene", "the"].includes(token.key)) rest.push(token);
  }
  const { asWritten } = joined(rest);
  const gene =
    (effect === null ? undefined : symbols.get(asWritten)) ?? symbols.guided(rest, label);
  return gene === undefined ? null : { gene, effect: effect ?? "loss" };
}

export function findGeneticEntry(
  knowledge: Knowledge,
  gene: string,
  effect: GeneticEffect,
): PerturbationEntry | null {
  const action = effect === "loss" ? "knocks_out" : "overexpresses";
  return (
    knowledge.perturbations.find(
      ({ kind, targets }) =>
        kind === "genetic" &&
        targets.some((target) => target.gene === gene && target.action === action),
    ) ?? null
  );
}

/**
 * Also "Trametinib (GSK1120212)" and "Tofacitinib (CP-690550) Citrate", as catalogues write it: a name
 * with its codes, or a code with its name. Any other word in brackets may change what the cells were given.
 */
function perturbationOf(label: string, knowledge: Knowledge): Resolved<PerturbationEntry> | null {
  const whole = findPerturbation(label, knowledge);
  const [, name = "", inside = "", after = ""] = BRACKETS.exec(label.trim()) ?? [];
  if (whole !== null || inside === "" || !SALT.test(after)) return whole;
  const parts = [name.trim(), ...inside.split(",").map((part) => part.trim())];
  const found = parts.map((part) => findPerturbation(part, knowledge)?.entry);
  const entries = new Set(found.filter((entry) => entry !== undefined));
  const [entry] = entries;
  const isSaid = parts.every((part, at) => found[at] !== undefined || isHarmless(part));
  return entry !== undefined && entries.size === 1 && entry.kind !== "genetic" && isSaid
    ? { entry, match: "synonym" }
    : null;
}

const BRACKETS = /^([^()[\]]{2,80})[([]([^()[\]]{2,80})[)\]]([^()[\]]{0,40})$/;
const SALT =
  /^\s*(?:(?:di|mono|2|3)?\s?(?:hydrochloride|hcl|sodium|potassium|calcium|salt|citrate|phosphate|mesylate|tosylate|acetate|maleate|malate|fumarate|succinate|hydrate|base|free base)\s*)*$/i;
const isHarmless = (part: string): boolean =>
  CODE.test(part) ||
  SALT.test(part) ||
  /^(?:recombinant|rh|human|mouse)(?: (?:human|mouse))?$/i.test(part);
/** "GSK1120212", "CP-690550", "BAY 73-4506", "NSC 683864". */
const CODE =
  /^(?!(?:D|H|DAY|HR|HPI|MIN|NM|UM|P|R)[\s-]?\d)[A-Z]{1,6}[\s-]?[A-Z]{0,2}\d{2,}(?:-\d+)?[A-Z]{0,2}$/;

/**
 * Ids for the labels of an atlas. A misspelt label gets none: a wrong id would be worse than no id.
 */
export function labelResolver(knowledge: Knowledge): {
  cellOntologyId(label: string): string | null;
  perturbationId(label: string): string | null;
  geneticId(gene: string, effect: GeneticEffect): string | null;
  geneSymbol(name: string): string | null;
} {
  return {
    cellOntologyId: (label) => findCellType(label, knowledge)?.entry.id ?? cellOntologyIdIn(label),
    perturbationId: (label) => perturbationOf(label, knowledge)?.entry.id ?? null,
    geneticId: (gene, effect) => findGeneticEntry(knowledge, gene, effect)?.id ?? null,
    geneSymbol: (name) => knowledgeTerms(knowledge).geneSymbols.get(labelKey(name)) ?? null,
  };
}

export function cellTypeMatch({ text, meaning }: Term<CellTypeEntry>): MatchKind {
  if (meaning.cell_lines.includes(text)) return "cell_line";
  return text === meaning.name ? "exact" : "synonym";
}

export function perturbationMatch({ text, meaning }: Term<PerturbationEntry>): MatchKind {
  return text === meaning.name ? "exact" : "synonym";
}

function spelling<Entry>(entry: Entry | undefined): Resolved<Entry> | null {
  return entry === undefined ? null : { entry, match: "spelling" };
}
