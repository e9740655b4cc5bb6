import type { Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import type { GeneticEffect } from "../knowledge/genetic-words.ts";
import { findGeneticEntry, perturbationMatch } from "../knowledge/resolve.ts";
import {
  effectInAtlas,
  isBareGene,
  isGenetic,
  refuseBackground,
  refuseSaidOtherwise,
  refuseTogether,
  refuseUnread,
} from "./ask-back.ts";
import { perturbationLabels } from "./atlas-labels.ts";
import type { AtlasLabels } from "./atlas-labels.ts";
import { givenTogether, labelsOfAll } from "./given-together.ts";
import { geneticName, wordsOf } from "./mention.ts";
import type { GivenMention, Sentence } from "./mention.ts";
import type { Direction, StructuredQuery } from "./structured-query.ts";

type Ambiguity = StructuredQuery["ambiguities"][number];
type Expectations = Pick<StructuredQuery, "expected_targets" | "expected_pathways">;

interface Context {
  readonly sentence: Sentence;
  readonly labels: AtlasLabels;
  readonly knowledge: Knowledge;
}

interface Given {
  /** The mention that the question asks about most plainly. */
  readonly named: GivenMention;
  readonly given: readonly GivenMention[];
  /** As `given`, and with genes that are only mentioned beside what is given. */
  readonly withGenes: readonly GivenMention[];
  readonly sentence: Sentence;
}

/**
 * What the question gives the cells: one thing, or several at once with the labels of cells that
 * were given them all. Errors: PERTURBATION_UNKNOWN, CELL_TYPE_NOT_IN_ATLAS (see ask-back.ts).
 */
export function whatIsGiven(
  { named, given, withGenes, sentence }: Given,
  knowledge: Knowledge,
  labels: AtlasLabels,
): {
  readonly chosen: GivenMention;
  readonly together: readonly GivenMention[];
  readonly labelsOfAll: readonly string[] | undefined;
} {
  const chosen = isBareGene(named)
    ? geneMention(named, effectInAtlas(named, sentence, labels), knowledge)
    : named;
  const together = givenTogether(named, withGenes, sentence);
  const effectOf = (each: GivenMention): GeneticEffect | undefined =>
    each.meaning.kind === "perturbation" ? each.meaning.genetic?.effect : undefined;
  refuseSaidOtherwise(named, effectOf(chosen), sentence);
  for (const each of together)
    if (each !== named) refuseSaidOtherwise(each, effectOf(each), sentence);
  refuseUnread(together, sentence);
  const isSaidOfCells = (each: GivenMention): boolean => isGenetic(each) && !isBareGene(each);
  const background = given.filter(
    (each) =>
      !together.includes(each) && each !== named && isSaidOfCells(each) !== isSaidOfCells(named),
  );
  const all = [...background, ...together];
  if (all.length < 2) return { chosen, together, labelsOfAll: undefined };
  const held = labelsOfAll(labels, all);
  if (held.length > 0) return { chosen, together: all, labelsOfAll: held };
  refuseBackground(background, chosen, sentence);
  return refuseTogether(together);
}

function geneMention(
  mention: GivenMention,
  genetic: { readonly gene: string; readonly effect: GeneticEffect },
  knowledge: Knowledge,
): GivenMention {
  const label = geneticName(genetic);
  const entry = findGeneticEntry(knowledge, genetic.gene, genetic.effect);
  return { ...mention, name: null, meaning: { kind: "perturbation", entry, label, genetic } };
}

interface Read {
  readonly perturbation: StructuredQuery["perturbation"];
  readonly expected: Expectations;
  readonly ambiguities: readonly Ambiguity[];
}

/** Of a class all members that the atlases hold are named, and so many of the others. */
const MOST_ALTERNATIVES = 6;

/**
 * The asked perturbation, its labels in the atlases, what is expected of it, and what else an
 * ambiguous name could mean.
 */
export function readPerturbation(
  chosen: GivenMention,
  { sentence, labels, knowledge }: Context,
): Read {
  const { meaning, name, misspelt } = chosen;
  const matched_text = wordsOf(chosen, sentence);
  const ambiguities: Ambiguity[] = [];
  let entry: PerturbationEntry | null;
  if (meaning.kind === "ambiguous") {
    const isHeld = ({ id, name: known }: PerturbationEntry): boolean =>
      perturbationLabels(labels, id, null, known).length > 0;
    const [held, others] = [true, false].map((wanted) =>
      meaning.entries.filter((each) => isHeld(each) === wanted),
    ) as [PerturbationEntry[], PerturbationEntry[]];
    entry = held[0] ?? meaning.entries[0] ?? null;
    const alternatives = [...held, ...others]
      .filter((other) => other !== entry)
      .slice(0, Math.max(held.length - 1, MOST_ALTERNATIVES))
      .map((other) => other.name);
    ambiguities.push({
      field: "perturbation",
      text: matched_text,
      chosen: entry?.name ?? matched_text,
      alternatives,
    });
  } else entry = meaning.entry;
  const genetic = meaning.kind === "perturbation" ? meaning.genetic : null;
  const match = (): StructuredQuery["perturbation"]["match"] => {
    if (misspelt) return "spelling";
    if (meaning.kind === "ambiguous") return "synonym";
    if (entry !== null) return matchOf(entry, name);
    return genetic === null ? "atlas_label" : "exact";
  };
  return {
    expected: expectations(chosen, entry, knowledge),
    ambiguities,
    perturbation: {
      id: entry?.id ?? null,
      name: entry?.name ?? meaning.label,
      kind: entry?.kind ?? (genetic === null ? "unknown" : "genetic"),
      external_ids: entry?.external_ids ?? (genetic === null ? {} : { hgnc: genetic.gene }),
      matched_text,
      match: match(),
      atlas_labels: perturbationLabels(
        labels,
        entry?.id ?? null,
        genetic,
        entry?.name ?? meaning.label,
      ),
      targets: entry?.targets.map(({ gene }) => gene) ?? (genetic === null ? [] : [genetic.gene]),
    },
  };
}

/**
 * Several perturbations given at once, of which the atlases hold such cells. Of a gene that they
 * move in opposite directions nothing is expected.
 */
export function readTogether(
  together: readonly GivenMention[],
  atlas_labels: readonly string[],
  context: Context,
): Read {
  const parts = together.map((mention) => readPerturbation(mention, context));
  const perturbations = parts.map(({ perturbation }) => perturbation);
  const kinds = new Set(perturbations.map(({ kind }) => kind));
  const words = together.map((mention) => wordsOf(mention, context.sentence));
  return {
    perturbation: {
      id: null,
      name: perturbations.map(({ name }) => name).join(" + "),
      kind: kinds.size === 1 ? (perturbations[0]?.kind ?? "unknown") : "unknown",
      external_ids: {},
      matched_text: words.join(" + "),
      match: perturbations.some(({ match }) => match === "spelling") ? "spelling" : "exact",
      atlas_labels: [...atlas_labels],
      targets: [...new Set(perturbations.flatMap(({ targets }) => targets))],
      combination: perturbations.map(({ id, name, kind }) => ({ id, name, kind })),
    },
    expected: {
      expected_targets: agreed(
        parts.flatMap(({ expected }) => expected.expected_targets),
        ({ gene }) => gene,
      ),
      expected_pathways: agreed(
        parts.flatMap(({ expected }) => expected.expected_pathways),
        ({ id }) => id,
      ),
    },
    ambiguities: parts.flatMap(({ ambiguities }) => ambiguities),
  };
}

/** One expectation a subject, where all that speak of it agree. */
function agreed<Expectation extends { readonly direction: Direction }>(
  expected: readonly Expectation[],
  subjectOf: (expectation: Expectation) => string,
): Expectation[] {
  const bySubject = Map.groupBy(expected, subjectOf);
  return [...bySubject.values()].flatMap(([first, ...more]) =>
    first !== undefined && more.every(({ direction }) => direction === first.direction)
      ? [first]
      : [],
  );
}

function matchOf(entry: PerturbationEntry, name: string | null): "exact" | "synonym" {
  return name === null || perturbationMatch({ text: name, meaning: entry }) === "exact"
    ? "exact"
    : "synonym";
}

/** What the knowledge says will happen, each with its source. */
export function expectations(
  { meaning }: Pick<GivenMention, "meaning">,
  entry: PerturbationEntry | null,
  knowledge: Knowledge,
): Expectations {
  if (entry === null) {
    const genetic = meaning.kind === "perturbation" ? meaning.genetic : null;
    return {
      expected_targets:
        genetic === null
          ? []
          : [
              {
                gene: genetic.gene,
                direction: genetic.effect === "loss" ? "down" : "up",
                source: "the perturbed gene itself",
              },
            ],
      expected_pathways: [],
    };
  }
  return {
    expected_targets: entry.response.map(({ gene, direction }) => ({
      gene,
      direction,
      source: entry.source,
    })),
    expected_pathways: entry.pathways.map(({ id, direction }) => {
      const pathway = knowledge.pathways.find((known) => known.id === id);
      return { id, direction, name: pathway?.name ?? id, source: pathway?.source ?? entry.source };
    }),
  };
}
