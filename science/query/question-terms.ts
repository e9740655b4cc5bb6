import type { Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import { namedDrug } from "../knowledge/named-drugs.ts";
import { namedLine } from "../knowledge/named-lines.ts";
import { findCellType } from "../knowledge/resolve.ts";
import { buildTermIndex } from "../knowledge/term-index.ts";
import type { Term, TermIndex } from "../knowledge/term-index.ts";
import { toolCompounds } from "../knowledge/tool-compounds.ts";
import { labelKey } from "../knowledge/tokens.ts";
import type { Token } from "../knowledge/tokens.ts";
import type { AtlasLabels } from "./atlas-labels.ts";
import type { Meaning } from "./mention.ts";
import type { Vocabulary } from "./vocabulary.ts";

/**
 * All names a question may use. The parts by kind serve to suggest names for unknown words, and are
 * made when they are asked for.
 */
export interface QuestionTerms extends TermIndex<Meaning> {
  readonly cellTypes: TermIndex<Meaning>;
  readonly perturbations: TermIndex<Meaning>;
}

/** Mechanism classes that people ask for by name: "a JAK inhibitor", "a glucocorticoid". */
const CLASS_NAME =
  /(?:inhibitor|agonist|antagonist|activator|glucocorticoid|statin|retinoid|NSAID|TLR ligand)$/;

const built = new WeakMap<Knowledge, QuestionTerms>();

export function questionTerms(
  knowledge: Knowledge,
  vocabulary: Vocabulary,
  labels: AtlasLabels,
): QuestionTerms {
  const known = built.get(knowledge) ?? knownTerms(knowledge, vocabulary);
  built.set(knowledge, known);
  const askable = (label: string): boolean =>
    labelKey(label).length > 2 &&
    !/^\d+$/.test(labelKey(label)) &&
    !vocabulary.stop_words.has(labelKey(label));
  const atlasCells = labels.cellTypes
    .filter(({ id, label }) => id === null && askable(label))
    .map(({ label }): Term<Meaning> => ({
      text: label,
      meaning: { kind: "cell_type", entry: null, label },
    }));
  const atlasPerturbations = labels.perturbations
    .filter(({ id, label }) => id === null && askable(label))
    .map(({ label, genetic }): Term<Meaning> => ({
      text: label,
      meaning: { kind: "perturbation", entry: null, label, genetic },
    }));
  const furtherCells = labels.furtherNames
    .filter(({ name }) => askable(name))
    .map(({ name }): Term<Meaning> => {
      const found = findCellType(name, knowledge);
      const entry = found === null || found.match === "cell_line" ? null : found.entry;
      return { text: name, meaning: { kind: "cell_type", entry, label: name } };
    });
  const own = buildTermIndex(furtherCells);
  const index = buildTermIndex([...atlasCells, ...atlasPerturbations], known);
  const elsewhere = new Map<string, Term<Meaning> | undefined>();
  const findElsewhere = (tokens: readonly Token[]): Term<Meaning> | undefined => {
    const key = tokens.map(({ plain }) => plain).join(" ");
    const isKnown = SPECIES.has(tokens[0]?.key ?? "") && index.find(tokens.slice(1)) !== undefined;
    if (!elsewhere.has(key))
      elsewhere.set(key, isKnown ? undefined : namedElsewhere(tokens, knowledge));
    return elsewhere.get(key);
  };
  return {
    ...index,
    find: (tokens) => own.find(tokens) ?? index.find(tokens) ?? findElsewhere(tokens),
    get cellTypes() {
      return buildTermIndex(atlasCells, known.cellTypes);
    },
    get perturbations() {
      return buildTermIndex(atlasPerturbations, known.perturbations);
    },
  };
}

/** "Human interferon beta" is what the knowledge has without the species. */
const SPECIES = new Set(["human", "murine", "mouse", "recombinant"]);

/** Hardly a name of the vocabularies that people write has more words. */
const LONGEST_NAMED = 10;

/** What public vocabularies name and the knowledge says nothing of: a drug, else a cell line. */
function namedElsewhere(tokens: readonly Token[], knowledge: Knowledge): Term<Meaning> | undefined {
  const isChinese = tokens.some(({ key }) => /\p{Script=Han}/u.test(key));
  if (isChinese || tokens.length > LONGEST_NAMED) return undefined;
  const drug = namedDrug(tokens, knowledge);
  const line = namedLine(tokens);
  if (drug !== null && (line === null || line.alone || drug.written === undefined))
    return { ...drug, meaning: meaningOf(drug.meaning) };
  if (line === null) return undefined;
  return {
    text: line.name,
    meaning: { kind: "cell_type", entry: null, label: line.name },
    written: line.alone ? "exactly" : "beside cells",
  };
}

const meaningsOf = new WeakMap<PerturbationEntry, Meaning>();

function meaningOf(entry: PerturbationEntry): Meaning {
  const meaning = meaningsOf.get(entry) ?? {
    kind: "perturbation",
    entry,
    label: entry.name,
    genetic: null,
  };
  meaningsOf.set(entry, meaning);
  return meaning;
}

function knownTerms(knowledge: Knowledge, vocabulary: Vocabulary): QuestionTerms {
  const [cells, perturbations] = [cellTerms(knowledge), perturbationTerms(knowledge, vocabulary)];
  let cellTypes: TermIndex<Meaning> | undefined;
  let given: TermIndex<Meaning> | undefined;
  return {
    ...buildTermIndex([...cells, ...perturbations]),
    get cellTypes() {
      cellTypes ??= buildTermIndex(cells);
      return cellTypes;
    },
    get perturbations() {
      given ??= buildTermIndex(perturbations);
      return given;
    },
  };
}

function cellTerms(knowledge: Knowledge): Term<Meaning>[] {
  return knowledge.cellTypes
    .filter(({ parents }) => parents.length > 0)
    .flatMap((entry) => {
      const meaning: Meaning = { kind: "cell_type", entry, label: entry.name };
      return [entry.name, ...entry.synonyms, ...entry.cell_lines].map((text) => ({
        text,
        meaning,
      }));
    });
}

function perturbationTerms(knowledge: Knowledge, vocabulary: Vocabulary): Term<Meaning>[] {
  const byId = new Map(knowledge.perturbations.map((entry) => [entry.id, entry]));
  const acting = [...knowledge.perturbations, ...toolCompounds()];
  /** "JAK inhibitors" are all of them, of which the usual ones come first. */
  const withClass = (entries: readonly PerturbationEntry[]): PerturbationEntry[] => {
    const [first] = entries;
    const isClass =
      first !== undefined &&
      CLASS_NAME.test(first.mechanism) &&
      entries.every(({ mechanism }) => mechanism === first.mechanism);
    const members = isClass ? acting.filter(({ mechanism }) => mechanism === first.mechanism) : [];
    return [...new Set([...entries, ...members])];
  };
  const single = knowledge.perturbations.flatMap((entry) => {
    const meaning = meaningOf(entry);
    return [entry.name, ...entry.synonyms].map((text) => ({ text, meaning }));
  });
  const shared = vocabulary.ambiguous_perturbations.flatMap(({ texts, meanings }) =>
    texts.map((text): Term<Meaning> => ({
      text,
      meaning: {
        kind: "ambiguous",
        entries: withClass(meanings.flatMap((id) => byId.get(id) ?? [])),
        label: texts[0] ?? text,
      },
    })),
  );
  const classes = [...Map.groupBy(acting, ({ mechanism }) => mechanism)]
    .filter(([mechanism, entries]) => CLASS_NAME.test(mechanism) && entries.length > 0)
    .map(([mechanism, entries]): Term<Meaning> => ({
      text: mechanism,
      meaning: { kind: "ambiguous", entries, label: mechanism },
    }));
  return [...single, ...shared, ...classes];
}
