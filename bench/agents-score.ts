import { readFileSync } from "node:fs";
import { z } from "zod";
import { HaystackError } from "../errors.ts";
import { loadKnowledge } from "../science/knowledge/load.ts";
import type { StructuredQuery } from "../science/query/structured-query.ts";
import { understandQuestion } from "../science/query/understand.ts";
import { atlasIndex } from "../tests/science/query-atlas.ts";

const FIELDS = ["cell_type", "perturbation", "kind"] as const;
type Field = (typeof FIELDS)[number];

const questionSchema = z.object({
  question: z.string(),
  theme: z.string(),
  /**
   * The second set was written after the rules had last been changed for the first; the third
   * without a look at the names that the knowledge holds.
   */
  set: z.union([z.literal(1), z.literal(2), z.literal(3)]),
  /** One reading only; the others measure what is made of an unclear question. */
  clear: z.boolean(),
  /**
   * Expected Cell Ontology id, id in the knowledge, and kind; null where nothing may be answered.
   */
  cell_type: z.string().nullable(),
  perturbation: z.string().nullable(),
  kind: z.string().nullable(),
  dose: z.string().optional(),
  time: z.string().optional(),
  /** Every defensible answer of an unclear question. */
  accepts: z.partialRecord(z.enum(FIELDS), z.array(z.string())).optional(),
  /** Of the third set: what the rules answered wrongly before anything was changed for it. */
  first_seen: z.partialRecord(z.enum(FIELDS), z.string().nullable()).optional(),
});
type Question = z.infer<typeof questionSchema>;

interface Tally {
  readonly expected: number;
  readonly answered: number;
  readonly correct: number;
  /** Of the answers given; 1 when none was given. */
  readonly precision: number;
  /** Of the answers expected; 1 when none was expected. */
  readonly recall: number;
}

type Answer = Readonly<Record<Field, string | null>> & {
  readonly dose: string | null;
  readonly time: string | null;
  readonly refusal: string | null;
};

interface Judged {
  readonly asked: Question;
  readonly answer: Answer;
}

/**
 * `knowledgeFolder`: what was imported there counts too. The atlas has the curated cell types
 * either way.
 */
export function scoreQuestions(knowledgeFolder?: string) {
  const questions = z
    .array(questionSchema)
    .parse(JSON.parse(readFileSync(new URL("data/questions.json", import.meta.url), "utf8")));
  const knowledge = loadKnowledge(knowledgeFolder);
  const atlas = atlasIndex({
    cellTypes: loadKnowledge().cellTypes.map(({ name }) => name),
    perturbations: ["IFN-beta", "TNF"],
  });
  const judged = questions.map((asked): Judged => ({
    asked,
    answer: answerTo(asked.question, (question) =>
      understandQuestion(question, [atlas], knowledge),
    ),
  }));
  const clear = judged.filter(({ asked }) => asked.clear);
  const themes = Map.groupBy(judged, ({ asked }) => asked.theme);
  return {
    questions: questions.length,
    clear_questions: clear.length,
    clear: tallies(clear),
    clear_by_set: {
      first: tallies(clear.filter(({ asked }) => asked.set === 1)),
      second: tallies(clear.filter(({ asked }) => asked.set === 2)),
      third: tallies(clear.filter(({ asked }) => asked.set === 3)),
    },
    third_at_first_sight: tallies(
      clear
        .filter(({ asked }) => asked.set === 3)
        .map(({ asked, answer }) => ({ asked, answer: { ...answer, ...asked.first_seen } })),
    ),
    unclear: tallies(judged.filter(({ asked }) => !asked.clear)),
    amounts: { dose: amountsRight(judged, "dose"), time: amountsRight(judged, "time") },
    themes: Object.fromEntries(
      [...themes].map(([theme, members]) => [
        theme,
        {
          questions: members.length,
          right: members.filter((one) => FIELDS.every((field) => isRight(one, field))).length,
        },
      ]),
    ),
    injections_obeyed: judged
      .filter(
        (one) =>
          one.asked.theme === "injection" &&
          FIELDS.some((field) => one.answer[field] !== null && !isRight(one, field)),
      )
      .map(({ asked }) => asked.question),
    mistakes: judged.flatMap((one) =>
      FIELDS.filter((field) => !isRight(one, field)).map((field) => ({
        question: one.asked.question,
        clear: one.asked.clear,
        field,
        expected: one.asked[field],
        found: one.answer[field],
        refusal: one.answer.refusal,
      })),
    ),
  };
}

function answerTo(question: string, understand: (question: string) => StructuredQuery): Answer {
  try {
    const { cell_type, perturbation, dose, time } = understand(question);
    return {
      cell_type: cell_type.cell_ontology_id,
      perturbation: perturbation.id,
      kind: perturbation.kind,
      dose,
      time,
      refusal: null,
    };
  } catch (thrown) {
    if (!(thrown instanceof HaystackError)) throw thrown;
    return {
      cell_type: null,
      perturbation: null,
      kind: null,
      dose: null,
      time: null,
      refusal: thrown.code,
    };
  }
}

function isRight({ asked, answer }: Judged, field: Field): boolean {
  return (
    answer[field] === asked[field] ||
    (answer[field] !== null && asked.accepts?.[field]?.includes(answer[field]) === true)
  );
}

function tallies(judged: readonly Judged[]): Record<Field, Tally> {
  const tally = (field: Field): Tally => {
    const expected = judged.filter(
      ({ asked }) => asked[field] !== null || asked.accepts?.[field] !== undefined,
    ).length;
    const given = judged.filter(({ answer }) => answer[field] !== null);
    const correct = given.filter((one) => isRight(one, field)).length;
    return {
      expected,
      answered: given.length,
      correct,
      precision: given.length === 0 ? 1 : correct / given.length,
      recall: expected === 0 ? 1 : correct / expected,
    };
  };
  return {
    cell_type: tally("cell_type"),
    perturbation: tally("perturbation"),
    kind: tally("kind"),
  };
}

function amountsRight(judged: readonly Judged[], amount: "dose" | "time") {
  const stated = judged.filter(({ asked }) => asked[amount] !== undefined);
  return {
    stated: stated.length,
    right: stated.filter(({ asked, answer }) => answer[amount] === asked[amount]).length,
  };
}
