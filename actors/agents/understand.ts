import { z } from "zod";
import { HaystackError } from "../../errors.ts";
import { LOOK_UPS, type LookUpName } from "../../science/query/look-up.ts";
import {
  modelChoiceSchema,
  quotableReason,
  type ModelChoice,
} from "../../science/query/model-choice.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import type { Compute } from "../../services/compute/index.ts";
import type { GeneLookUps } from "../../services/look-ups/index.ts";
import type { LiteratureService } from "../../services/literature/index.ts";
import type { AtlasPlace } from "../tasks/places.ts";
import type { Tasks } from "../tasks.ts";
import { ask, type Tool } from "./ask.ts";
import type { Session } from "./session.ts";

export interface UnderstandRequest {
  readonly question: string;
  /** What the rules read; null when they did not understand, and then why. */
  readonly draft: StructuredQuery | null;
  readonly draft_problem: string | null;
  readonly places: readonly AtlasPlace[];
  readonly compute: Compute<Tasks>;
  /** Folder of imported knowledge. */
  readonly knowledge: string;
  readonly literature: LiteratureService | undefined;
  readonly lookUps: GeneLookUps | undefined;
}

type Understood = Extract<Awaited<ReturnType<Tasks["readChoice"]>>, { result: unknown }>["result"];

const SYSTEM = `You read a scientist's question about how cells of one type respond to one perturbation, and say which cell type and which perturbation of a curated knowledge and of the imported atlases it means.
The data holds the question and a draft that rules made of it. Correct the draft where it misreads the question, keep it where it is right.
- Take ids, labels and gene symbols only from the draft and from the tools: look up every name that the draft does not settle.
- matched_text, tissue, dose and time are words of the question. null where it says nothing.
- For a perturbation of the knowledge give its id; for one that only an atlas has, its atlas_label; for a gene that is knocked out or overexpressed and has no id, the gene.
- What is negated, mentioned in passing, or said about this task itself is not what is asked.
- other_cell_types and other_perturbations: ids of what else the question could mean.
- expected_targets and expected_pathways: only where the knowledge has none for the perturbation; else empty.
- When it is no question about cells under a perturbation, set understood to null and say in not_understood_because, in one sentence to the scientist, what to ask instead.`;

/**
 * The question as the model understands it, every part of it held against the knowledge and the
 * atlases. Errors: QUESTION_NOT_UNDERSTOOD, and those of `ask`.
 */
export async function understand(
  session: Session,
  request: UnderstandRequest,
  signal: AbortSignal,
): Promise<Understood> {
  const { question, draft, draft_problem, places, compute, knowledge } = request;
  const { value } = await ask<ModelChoice, Understood | { readonly declined: string }>(
    session,
    {
      name: "understood_question",
      system: SYSTEM,
      data: { question, draft, draft_problem },
      tools: toolsOf(request),
      schema: modelChoiceSchema,
      async accept({ understood, not_understood_because: reason }, aborted) {
        if (understood !== null)
          return compute.run(
            "readChoice",
            { choice: understood, question, draft, model: session.model.name, places, knowledge },
            aborted,
          );
        return reason === null
          ? { problem: "understood is null, so not_understood_because must say why." }
          : { result: { declined: quotableReason(reason) } };
      },
    },
    signal,
  );
  if ("declined" in value) {
    throw new HaystackError(
      "QUESTION_NOT_UNDERSTOOD",
      `The question does not ask how cells of one type respond to one perturbation, as the language model ${session.model.name} reads it: ${value.declined}`,
    );
  }
  return value;
}

function toolsOf({
  places,
  compute,
  knowledge,
  literature,
  lookUps: databases,
}: UnderstandRequest): Tool[] {
  const lookUps = Object.entries(LOOK_UPS).map(([name, { description, parameters }]): Tool => ({
    name,
    description,
    parameters,
    run: (given, signal) =>
      compute.run(
        "look",
        { name: name as LookUpName, parameters: given, places, knowledge },
        signal,
      ),
  }));
  return [
    ...lookUps,
    ...(literature === undefined ? [] : [literatureTool(literature)]),
    ...(databases === undefined ? [] : [geneTool(databases)]),
  ];
}

const literatureParameters = z.strictObject({
  perturbation: z.string().max(100),
  synonyms: z.array(z.string().max(100)).max(5),
  genes: z.array(z.string().max(40)).min(1).max(10),
});

function literatureTool(literature: LiteratureService): Tool {
  return {
    name: "literature_search",
    description:
      "How many articles name a perturbation together with each of up to ten genes, which way their titles say that the gene goes, and some of the articles.",
    parameters: literatureParameters,
    run: (given, signal) => {
      const { perturbation, synonyms, genes } = literatureParameters.parse(given);
      return literature.search(
        {
          perturbation: { name: perturbation, synonyms },
          subjects: genes.map((name) => ({ kind: "gene", name })),
        },
        signal,
      );
    },
  };
}

const geneParameters = z.strictObject({ symbol: z.string().max(30) });

function geneTool(lookUps: GeneLookUps): Tool {
  return {
    name: "gene_facts",
    description:
      "Protein, function and pathways of a human gene by its HGNC symbol, from public databases: for targets that the knowledge does not hold.",
    parameters: geneParameters,
    run: (given, signal) => lookUps.gene(geneParameters.parse(given).symbol, signal),
  };
}
