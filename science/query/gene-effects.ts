import type { GeneticEffect } from "../knowledge/genetic-words.ts";
import type { Knowledge, PerturbationEntry } from "../knowledge/knowledge.ts";
import { geneticReading } from "../knowledge/resolve.ts";
import type { StructuredQuery } from "./structured-query.ts";

const EFFECTS: Readonly<
  Record<PerturbationEntry["targets"][number]["action"], GeneticEffect | null>
> = {
  knocks_out: "loss",
  inhibits: "loss",
  overexpresses: "gain",
  activates: "gain",
  binds: null,
};

/**
 * The genes that the question asks to lose or to gain. A gene that the curated knowledge has no entry
 * for is itself expected to go down or up; where nothing is expected of it, its name says it.
 */
export function geneEffects(
  { perturbation, expected_targets }: StructuredQuery,
  knowledge: Knowledge,
): ReadonlyMap<string, GeneticEffect> {
  const { combination, targets } = perturbation;
  const expected = new Map(
    expected_targets.map(({ gene, direction }): [string, GeneticEffect] => [
      gene,
      direction === "up" ? "gain" : "loss",
    ]),
  );
  const effects = new Map<string, GeneticEffect>();
  for (const { id, kind, name } of combination ?? [perturbation]) {
    if (kind !== "genetic") continue;
    const entry = knowledge.perturbations.find((known) => known.id === id);
    const read = entry === undefined ? geneticReading(name, knowledge) : null;
    const own = combination === undefined ? targets : read === null ? [] : [read.gene];
    const asked =
      entry?.targets.map(({ gene, action }) => [gene, EFFECTS[action]] as const) ??
      own.map((gene) => [gene, expected.get(gene) ?? read?.effect ?? null] as const);
    for (const [gene, effect] of asked) if (effect !== null) effects.set(gene, effect);
  }
  return effects;
}
