import { z } from "zod";
import {
  GROUNDING_WEIGHTS,
  type GroundingComponentName,
  type GroundingScore,
  type ModelScores,
} from "../../science/grounding/grounding.ts";
import { quotableReason } from "../../science/query/model-choice-checks.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import type { Evaluation } from "../tasks/evaluation.ts";
import { ask, type Accepted } from "./ask.ts";
import type { Session } from "./session.ts";

const SYSTEM = `You judge how well a predicted response of cells to a perturbation agrees with known biology.
The data holds the understood question, the components to judge, the evidence rows with their ids, the genes that move most and the enriched pathways.
Score each listed component from 1 (contradicts what is known) to 10 (agrees closely), by its evidence rows and nothing else. supports false means that the row speaks against the prediction, or neither for nor against it where silent is true.
Cite the ids of the rows that decide each score: rows of that component. In reason say in one sentence why.`;

const names = Object.keys(GROUNDING_WEIGHTS) as [
  GroundingComponentName,
  ...GroundingComponentName[],
];
const scoresSchema = z.strictObject({
  components: z.array(
    z.strictObject({
      name: z.enum(names),
      score: z.number().int().min(1).max(10),
      cited: z.array(z.string()),
      reason: z.string(),
    }),
  ),
});

/**
 * The model's scores of the measured components, each with evidence rows that exist. Errors: those
 * of `ask`.
 */
export async function judge(
  session: Session,
  query: StructuredQuery,
  { grounding, top_genes, enriched }: Evaluation,
  signal: AbortSignal,
): Promise<ModelScores> {
  const measured = grounding.components
    .filter(({ score }) => score !== null)
    .map(({ name }) => name);
  const { value } = await ask(
    session,
    {
      name: "component_scores",
      system: SYSTEM,
      data: {
        query,
        components: measured,
        evidence: grounding.evidence,
        top_genes: top_genes.slice(0, 30),
        enriched: enriched.filter(({ alike }) => alike === undefined).slice(0, 20),
      },
      tools: [],
      schema: scoresSchema,
      accept: ({ components }) => accept(components, measured, grounding, session.model.name),
    },
    signal,
  );
  return value;
}

function accept(
  components: ModelScores["components"],
  measured: readonly GroundingComponentName[],
  { evidence }: GroundingScore,
  model: string,
): Accepted<ModelScores> {
  const judged = components.map(({ name }) => name);
  if (judged.toSorted().join() !== measured.toSorted().join())
    return { problem: `Score exactly these components, once each: ${measured.join(", ")}.` };
  for (const { name, cited } of components) {
    const rows = new Set(
      evidence.filter(({ component }) => component === name).map(({ id }) => id),
    );
    const unknown = cited.filter((id) => !rows.has(id));
    if (unknown.length > 0)
      return {
        problem: `${name} has no evidence row ${JSON.stringify(unknown[0]?.slice(0, 40))}; its rows are ${[...rows].join(", ") || "none"}.`,
      };
    if (cited.length === 0 && rows.size > 0)
      return { problem: `${name} cites no evidence row; its rows are ${[...rows].join(", ")}.` };
  }
  return {
    result: {
      model,
      components: measured
        .flatMap((name) => components.filter((component) => component.name === name))
        .map((component) => ({ ...component, reason: quotableReason(component.reason) })),
    },
  };
}
