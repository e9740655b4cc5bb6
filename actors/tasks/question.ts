import type { OpenAtlas } from "../../science/atlas/atlas-index.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { given } from "../../given.ts";
import { contradictedKnowledge } from "../../science/prompting/contradicted-knowledge.ts";
import { controlsAvailable } from "../../science/prompting/choose-prompt.ts";
import { isTheAnswer, perturbedGroups } from "../../science/prompting/retrieval.ts";
import { queryOfLabels, type ExactLabels } from "../../science/query/exact-labels.ts";
import { lookUp, type LookUpName } from "../../science/query/look-up.ts";
import { readModelChoice } from "../../science/query/model-choice.ts";
import { notUsed } from "../../science/query/not-used.ts";
import type { StructuredQuery } from "../../science/query/structured-query.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { openAll, type AtlasPlace, type WithKnowledge } from "./places.ts";

/** The tasks that understand a question. */

interface Understanding {
  readonly structured_query: StructuredQuery;
  readonly control_cells_available: boolean;
}

export async function analyze(
  input: WithKnowledge & {
    readonly query: string;
    readonly exactLabels?: ExactLabels;
    readonly atlases: readonly AtlasPlace[];
  },
): Promise<Understanding> {
  const { query, exactLabels } = input;
  const atlases = await openAll(input.atlases);
  const indexes = atlases.map(({ index }) => index);
  const knowledge = loadKnowledge(input.knowledge);
  const structured_query =
    exactLabels === undefined
      ? understandQuestion(query, indexes, knowledge)
      : queryOfLabels(exactLabels, indexes, knowledge);
  return understanding(structured_query, atlases);
}

function understanding(query: StructuredQuery, atlases: readonly OpenAtlas[]): Understanding {
  const measured = perturbedGroups(atlases)
    .map(({ group }) => group)
    .filter((group) => isTheAnswer(query, group));
  return {
    structured_query: {
      ...query,
      ...(measured.length === 0
        ? {}
        : {
            measured_answer: {
              cells: measured.reduce((sum, { n_cells }) => sum + n_cells, 0),
              donors: new Set(measured.map(({ donor }) => donor)).size,
            },
          }),
      ...given({ contradicted: contradictedKnowledge(query, atlases) }),
      not_used: notUsed(
        query,
        atlases.map(({ index }) => index),
      ),
    },
    control_cells_available: controlsAvailable(query, atlases),
  };
}

/** A language model's reading of the question, held against what exists. */
export async function readChoice(
  input: WithKnowledge & {
    readonly choice: Parameters<typeof readModelChoice>[0];
    readonly question: string;
    readonly draft: StructuredQuery | null;
    readonly model: string;
    readonly places: readonly AtlasPlace[];
  },
): Promise<{ readonly result: Understanding } | { readonly problem: string }> {
  const { choice, places, knowledge, ...asked } = input;
  const atlases = await openAll(places);
  const read = readModelChoice(choice, {
    ...asked,
    atlases: atlases.map(({ index }) => index),
    knowledge: loadKnowledge(knowledge),
  });
  return "problem" in read ? read : { result: understanding(read.structured_query, atlases) };
}

export async function look(
  input: WithKnowledge & {
    readonly name: LookUpName;
    readonly parameters: unknown;
    readonly places: readonly AtlasPlace[];
  },
): Promise<unknown> {
  const { name, parameters, places, knowledge } = input;
  return lookUp(
    name,
    parameters,
    (await openAll(places)).map(({ index }) => index),
    loadKnowledge(knowledge),
  );
}
