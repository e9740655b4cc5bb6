import type { Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import { findGeneticEntry, perturbationMatch } from "../knowledge/resolve.ts";
import { perturbationLabels } from "./atlas-labels.ts";
import type { AtlasLabels } from "./atlas-labels.ts";
import { geneticName, wordsOf } from "./mentions.ts";
import type { GivenMention, Sentence } from "./mentions.ts";
import type { StructuredQuery } from "./structured-query.ts";

type Ambiguity = StructuredQuery["ambiguities"][number];
type Genetic = Extract<GivenMention["meaning"], { kind: "perturbation" }>["genetic"];

/**
 * The asked perturbation, its labels in the atlases, and what else an ambiguous name could mean.
 */
export function readPerturbation(
  chosen: GivenMention,
  sentence: Sentence,
  labels: AtlasLabels,
  knowledge: Knowledge,
): {
  perturbation: StructuredQuery["perturbation"];
  entry: PerturbationEntry | null;
  genetic: Genetic;
  ambiguities: Ambiguity[];
} {
  const { meaning, name, misspelt } = chosen;
  const matched_text = wordsOf(chosen, sentence);
  const ambiguities: Ambiguity[] = [];
  let entry: PerturbationEntry | null;
  if (meaning.kind === "ambiguous") {
    entry =
      meaning.entries.find(
        ({ id, name: known }) => perturbationLabels(labels, id, null, known).length > 0,
      ) ??
      meaning.entries[0] ??
      null;
    const alternatives = meaning.entries
      .filter((other) => other !== entry)
      .map((other) => other.name);
    if (alternatives.length > 0)
      ambiguities.push({
        field: "perturbation",
        text: matched_text,
        chosen: entry?.name ?? matched_text,
        alternatives,
      });
  } else entry = meaning.entry;
  let genetic = meaning.kind === "perturbation" ? meaning.genetic : null;
  const inFile = genetic === null && entry !== null ? effectInFile(entry, name, labels) : null;
  if (inFile !== null) {
    genetic = inFile;
    entry = findGeneticEntry(knowledge, inFile.gene, inFile.effect);
  }
  const label = inFile === null ? meaning.label : geneticName(inFile);
  const match = (): StructuredQuery["perturbation"]["match"] => {
    if (misspelt) return "spelling";
    if (meaning.kind === "ambiguous") return "synonym";
    if (entry !== null) return matchOf(entry, name);
    return genetic === null ? "atlas_label" : "exact";
  };
  return {
    entry,
    genetic,
    ambiguities,
    perturbation: {
      id: entry?.id ?? null,
      name: entry?.name ?? label,
      kind: entry?.kind ?? (genetic === null ? "unknown" : "genetic"),
      external_ids: entry?.external_ids ?? (genetic === null ? {} : { hgnc: genetic.gene }),
      matched_text,
      match: match(),
      atlas_labels: perturbationLabels(labels, entry?.id ?? null, genetic, entry?.name ?? label),
      targets: entry?.targets.map(({ gene }) => gene) ?? (genetic === null ? [] : [genetic.gene]),
    },
  };
}

/**
 * What a bare symbol ("KLF1") means where the atlases have cells that lack the gene, or cells that
 * gain it, and not both: the file says what is meant.
 */
function effectInFile(
  { kind, external_ids, name: known }: PerturbationEntry,
  name: string | null,
  labels: AtlasLabels,
): Genetic {
  const gene = external_ids["hgnc"];
  if (kind !== "genetic" || gene === undefined || name === known) return null;
  const [effect, ...more] = new Set(
    labels.perturbations.flatMap(({ genetic }) => (genetic?.gene === gene ? genetic.effect : [])),
  );
  return effect === undefined || more.length > 0 ? null : { gene, effect };
}

function matchOf(entry: PerturbationEntry, name: string | null): "exact" | "synonym" {
  return name === null || perturbationMatch({ text: name, meaning: entry }) === "exact"
    ? "exact"
    : "synonym";
}

/** What the knowledge says will happen, each with its source. */
export function expectations(
  genetic: Genetic,
  entry: PerturbationEntry | null,
  knowledge: Knowledge,
): Pick<StructuredQuery, "expected_targets" | "expected_pathways"> {
  if (entry === null) {
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
