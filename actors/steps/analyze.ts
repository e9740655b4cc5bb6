import { given } from "../../given.ts";
import { HaystackError, type ErrorCode } from "../../errors.ts";
import type { AnalyzeInput, AnalyzeOutput } from "../../machines/step-types.ts";
import { understand, type UnderstandRequest } from "../agents/understand.ts";
import { withLiterature } from "../agents/literature-context.ts";
import { orProblem, withModel, type Session } from "../agents/session.ts";
import type { Effect } from "../host/step.ts";
import type { StepPorts } from "../ports.ts";
import { openAtlases } from "../ports.ts";
import { isAskedBack } from "../../science/query/ask-back.ts";

type Understanding = Pick<AnalyzeOutput, "structured_query" | "control_cells_available">;

/** What a language model may still make something of. */
const NOT_READ: ReadonlySet<ErrorCode> = new Set([
  "QUESTION_NOT_UNDERSTOOD",
  "CELL_TYPE_UNKNOWN",
  "PERTURBATION_UNKNOWN",
  "CELL_TYPE_NOT_IN_ATLAS",
]);

/** Text to structured query; decides the effective control strategy from what the atlases hold. */
export function analyze(ports: StepPorts): Effect<AnalyzeInput, AnalyzeOutput> {
  const { atlases, compute, knowledge, literature, lookUps } = ports;
  return ({ run_id, query, config }, { signal, waits }) =>
    withModel(ports, { run_id, step: "analyze", iteration: 0 }, { waits }, async (session) => {
      const { opened, places } = await openAtlases(atlases, config, signal);
      const exactLabels = config.exact_labels;
      const byRules = compute.run(
        "analyze",
        { query, atlases: places, knowledge, ...given({ exactLabels }) },
        signal,
      );
      const output = settled(
        await (session === null || exactLabels !== undefined
          ? byRules
          : byModel(
              session,
              { question: query, places, compute, knowledge, literature, lookUps },
              byRules,
              signal,
            )),
        config,
      );
      return {
        ...output,
        atlases: opened.map(({ index: { dataset, simulated } }) => ({ dataset, simulated })),
        structured_query: await withLiterature(ports, run_id, output.structured_query, signal),
      };
    });
}

async function byModel(
  session: Session,
  asked: Omit<UnderstandRequest, "draft" | "draft_problem">,
  byRules: Promise<Understanding>,
  signal: AbortSignal,
): Promise<Understanding> {
  const draft = await byRules.catch((thrown: unknown) => {
    if (thrown instanceof HaystackError && NOT_READ.has(thrown.code) && !isAskedBack(thrown))
      return thrown;
    throw thrown;
  });
  const [structured_query, draft_problem] =
    draft instanceof HaystackError ? [null, draft.message] : [draft.structured_query, null];
  const outcome = await orProblem(
    understand(session, { ...asked, draft: structured_query, draft_problem }, signal),
  );
  if ("result" in outcome) return outcome.result;
  if (draft instanceof HaystackError) throw draft;
  return {
    ...draft,
    structured_query: { ...draft.structured_query, model_problem: outcome.problem },
  };
}

/**
 * The effective control strategy, and why it is not the wanted one. Error CELL_TYPE_NOT_IN_ATLAS.
 */
export function settled(
  { structured_query, control_cells_available }: Understanding,
  { control_strategy }: AnalyzeInput["config"],
): AnalyzeOutput {
  const fallsBack = control_strategy === "synthetic_control" && !control_cells_available;
  if (structured_query.cell_type.atlas_labels.length === 0) {
    throw new HaystackError(
      "CELL_TYPE_NOT_IN_ATLAS",
      `The atlas holds no cells of type ${structured_query.cell_type.name}; ask about one of its cell types, or import an atlas that has it.`,
    );
  }
  return {
    structured_query: fallsBack
      ? {
          ...structured_query,
          control_strategy_fallback: {
            requested: "synthetic_control",
            effective: "query_as_control",
            reason:
              "No usable prompt cells have matched control cells of the same dataset, cell type and donor.",
          },
        }
      : structured_query,
    control_cells_available,
    control_strategy_effective: fallsBack ? "query_as_control" : control_strategy,
  };
}
