import type { RoundPrompt } from "../../machines/run-types.ts";
import type { PromptInput, PromptOutput } from "../../machines/step-types.ts";
import type { Transfer } from "../../science/accuracy/accuracy-schema.ts";
import type {
  PlannedPrompt,
  PromptCandidate,
  PromptPlan,
} from "../../science/prompting/prompt-plan.ts";
import type { EmbeddedLikeness } from "../../science/prompting/retrieval.ts";
import { choosePromptByModel } from "../agents/choose-prompt.ts";
import { embeddedLikeness } from "../agents/embedded-likeness.ts";
import { orProblem, withModel, type Session } from "../agents/session.ts";
import type { RunConfig } from "../../services/runs/document.ts";
import { pairedPrompts } from "../round-prompts.ts";
import { iterationObjects } from "../run-objects.ts";
import type { Effect } from "../host/step.ts";
import type { Tasks } from "../tasks.ts";
import { openPlaces, type StepPorts } from "../ports.ts";
import { feedbackOf } from "./feedback.ts";
import { splitControls } from "./split-controls.ts";

const sum = (parts: readonly { readonly n_cells: number }[]): number =>
  parts.reduce((total, { n_cells }) => total + n_cells, 0);

/** Chooses the prompt cells of this iteration, knowing the earlier ones, and stores the plan. */
export function prompt(ports: StepPorts): Effect<PromptInput, PromptOutput> {
  return (input, { signal, waits }) => {
    const { run_id, iteration, model_spent: spent } = input;
    const key = { run_id, step: "prompt", iteration } as const;
    return withModel(ports, key, { spent, waits }, async (session) => {
      const plan = await withTransfer(
        ports,
        input,
        await choose(ports, input, session, signal),
        signal,
      );
      const stored = await ports.objects.putText(
        iterationObjects(run_id, iteration).plan,
        `${JSON.stringify(plan, null, 1)}\n`,
        signal,
      );
      const prompts = pairedPrompts(plan, input.control_strategy_effective);
      return {
        plan: stored,
        ...toldOf(plan),
        ...(prompts.length === 1
          ? {}
          : {
              prompts: prompts.map(({ prediction, control, ...planned }) => ({
                prediction,
                control,
                ...toldOf(planned),
              })),
            }),
        query_cells: sum(plan.query_parts),
        ...problemsOf(plan),
      };
    });
  };
}

const toldOf = ({ chosen }: PlannedPrompt): RoundPrompt => ({
  candidate_id: chosen.candidate_id,
  prompt_strategy: chosen.strategy,
  prompt_rationale: chosen.rationale,
  prompt_cells: sum(chosen.parts),
});

/** One where each kind of prediction has a job of its own: prompts side by side share theirs. */
const promptsPerRound = (
  { promptsPerRound: usual = 1 }: Pick<StepPorts, "promptsPerRound">,
  { control_job, prompts_per_round }: RunConfig,
): number => (control_job === "separate" ? 1 : (prompts_per_round ?? usual));

function problemsOf({
  embedding_problem,
  model_problem,
}: PromptPlan): Pick<PromptOutput, "model_problems"> {
  const model_problems = [
    ...(embedding_problem === undefined
      ? []
      : [{ role: "likeness" as const, problem: embedding_problem }]),
    ...(model_problem === undefined ? [] : [{ role: "prompt" as const, problem: model_problem }]),
  ];
  return model_problems.length === 0 ? {} : { model_problems };
}

/** Only the built-in baseline carries responses over, and only against a control prediction. */
async function withTransfer(
  ports: StepPorts,
  input: PromptInput,
  { beside, ...plan }: PromptPlan,
  signal: AbortSignal,
): Promise<PromptPlan> {
  const carried = async <Planned extends PlannedPrompt>(planned: Planned): Promise<Planned> => {
    const transfer = await transferOf(ports, input, planned.chosen, signal);
    return transfer === undefined ? planned : { ...planned, transfer };
  };
  const first = await carried(plan);
  if (beside === undefined) return first;
  const others: PlannedPrompt[] = [];
  for (const other of beside) others.push(await carried(other));
  return { ...first, beside: others };
}

async function transferOf(
  ports: StepPorts,
  { config, structured_query: query, control_strategy_effective: strategy }: PromptInput,
  chosen: PromptCandidate,
  signal: AbortSignal,
): Promise<Transfer | undefined> {
  if (!ports.batch.model.is_baseline) return undefined;
  if (config.transfer === "delta")
    return { kind: "delta", reason: "The run asks for delta transfer." };
  if (strategy !== "synthetic_control")
    return { kind: "delta", reason: `Under ${strategy} nothing is learned.` };
  return ports.compute.run(
    "chooseTransfer",
    {
      places: await openPlaces(ports.atlases, config, signal),
      query,
      chosen,
      split: await splitControls(ports, { config, query }, signal),
    },
    signal,
  );
}

/**
 * The ranking's choice; the model's, where there is one and something to choose. A first prompt
 * that is to be the worst stays so.
 */
async function choose(
  ports: StepPorts,
  input: PromptInput,
  session: Session | null,
  signal: AbortSignal,
): Promise<PromptPlan> {
  const { atlases, compute, knowledge } = ports;
  const { config, structured_query: query } = input;
  const history = input.iterations.flatMap(feedbackOf);
  const prompts = promptsPerRound(ports, config);
  const places = await openPlaces(atlases, config, signal);
  const embedded = await compareMeanings(ports, { places, query, knowledge }, session, signal);
  const ranked = await compute.run(
    "prompt",
    {
      places,
      query,
      history,
      controlStrategy: input.control_strategy_effective,
      promptCells: config.prompt_cells,
      queryCells: config.query_cells,
      firstPrompt: config.first_prompt,
      prompts,
      seed: input.random_seed,
      knowledge,
      embedded: "result" in embedded ? embedded.result : null,
    },
    signal,
  );
  const { candidates } = ranked;
  const plan =
    "problem" in embedded ? { ...ranked.plan, embedding_problem: embedded.problem } : ranked.plan;
  const isGiven = config.first_prompt === "worst" && history.length === 0;
  if (session === null || isGiven || candidates.length < 2) return plan;
  const outcome = await orProblem(
    choosePromptByModel(session, { plan, candidates, query, history, prompts }, signal),
  );
  return "result" in outcome ? outcome.result : { ...plan, model_problem: outcome.problem };
}

/** For the semantic strategy, where the model has embeddings. */
async function compareMeanings(
  { compute, objects, onCacheTrouble }: StepPorts,
  input: Parameters<Tasks["semanticTextsOf"]>[0],
  session: Session | null,
  signal: AbortSignal,
): ReturnType<typeof orProblem<EmbeddedLikeness | null>> {
  const embedding = session?.model.embedding;
  if (session === null || embedding === undefined) return { result: null };
  const texts = await compute.run("semanticTextsOf", input, signal);
  return orProblem(
    embeddedLikeness({ session, model: embedding, objects, texts, signal, onCacheTrouble }),
  );
}
