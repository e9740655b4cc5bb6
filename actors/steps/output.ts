import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { HaystackError, runNotFound, type ErrorCode } from "../../errors.ts";
import type { FinishedIteration, RunContext } from "../../machines/run-types.ts";
import type { OutputInput, OutputOutput } from "../../machines/step-types.ts";
import type { PromptPlan } from "../../science/prompting/prompt-plan.ts";
import type { IterationResult } from "../../science/report/result.ts";
import { given } from "../../given.ts";
import type { RunLog } from "../../science/report/run-log.ts";
import type { IterationSummary } from "../../services/runs/iteration.ts";
import { countedPlan } from "../round-prompts.ts";
import { resultObjects } from "../run-objects.ts";
import type { Effect } from "../host/step.ts";
import type { Evaluation } from "../tasks/evaluation.ts";
import type { StepPorts } from "../ports.ts";
import { predictResponse } from "./predict-response.ts";

const LOST: ReadonlySet<ErrorCode> = new Set(["OBJECT_NOT_FOUND", "OBJECT_DAMAGED"]);

/** Writes the delivered predictions, the report and the log. */
export function output(ports: StepPorts): Effect<OutputInput, OutputOutput> {
  const { objects, compute } = ports;
  return async ({ context }, { signal }) => {
    const delivered = context.iterations.find(
      ({ summary }) => summary.iteration === context.delivered_iteration,
    );
    if (delivered === undefined) throw new Error("No iteration was chosen for delivery.");
    const folder = await objects.scratch();
    try {
      const files = await compute.run(
        "writeResults",
        {
          log: await collectLog(ports, context, delivered.summary, signal),
          response: await responseOf(ports, { context, delivered, folder }, signal),
          folder,
        },
        signal,
      );
      const paths = resultObjects(context.run_id);
      await objects.put(paths.anndata, files.anndata, signal);
      await objects.put(paths.report, files.report, signal);
      await objects.put(paths.findings, files.findings, signal);
      await objects.put(paths.log, files.log, signal);
      return {
        anndata: objects.location(paths.anndata),
        report: objects.location(paths.report),
        log: objects.location(paths.log),
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

/**
 * The response that the evaluation stored; computed anew where it stored none, as earlier releases
 * did, or where it is lost.
 */
async function responseOf(
  ports: StepPorts,
  {
    context,
    delivered,
    folder,
  }: {
    readonly context: RunContext;
    readonly delivered: FinishedIteration;
    readonly folder: string;
  },
  signal: AbortSignal,
): Promise<string> {
  const { run_id, random_seed } = context;
  const { summary, response, plan, mixed, ...counted } = delivered;
  if (response !== undefined) {
    try {
      return await ports.objects.fetch(response, signal);
    } catch (thrown) {
      if (!(thrown instanceof HaystackError) || !LOST.has(thrown.code)) throw thrown;
    }
  }
  const file = join(folder, "response.h5ad");
  await predictResponse(
    ports,
    {
      run_id,
      random_seed,
      iteration: summary.iteration,
      plan,
      members: mixed ?? [counted],
      output: file,
    },
    signal,
  );
  return file;
}

async function collectLog(
  { runs, objects, atlases, batch, software }: StepPorts,
  context: RunContext,
  delivered: IterationSummary,
  signal: AbortSignal,
): Promise<RunLog> {
  const record = await runs.get(context.run_id);
  const { structured_query, control_strategy_effective, termination_reason } = context;
  if (record === undefined) throw runNotFound(context.run_id);
  if (structured_query === null || control_strategy_effective === null)
    throw new Error("A run delivers only what it understood.");
  if (
    termination_reason !== "converged" &&
    termination_reason !== "max_iterations" &&
    termination_reason !== "plateau" &&
    termination_reason !== "no_expected_gain"
  )
    throw new Error("A run delivers only after it stopped iterating.");
  const { document } = record;
  const json = async <Content>(ref: {
    readonly path: string;
    readonly sha256: string;
  }): Promise<Content> =>
    JSON.parse(await readFile(await objects.fetch(ref, signal), "utf8")) as Content;

  const iterationResult = async ({
    summary,
    plan,
    evaluation,
  }: FinishedIteration): Promise<IterationResult> => {
    const { grounding, top_genes, enriched, gene_sets_tested } = await json<Evaluation>(evaluation);
    const planned = await json<PromptPlan>(plan);
    const { prompts, mixture } = summary;
    return {
      iteration: summary.iteration,
      plan: countedPlan(planned, summary),
      ...given({ prompts, mixture }),
      grounding,
      top_genes,
      enriched,
      gene_sets_tested,
      jobs: context.jobs
        .filter(({ iteration }) => iteration === summary.iteration)
        .map(
          ({ job_id, kind, attempt, state, run_seconds, offer, cost_usd, failure, problem }) => ({
            job_id,
            kind,
            attempt,
            state,
            run_seconds,
            offer,
            cost_usd,
            lost_to_preemption: failure === "preempted",
            problem,
          }),
        ),
      ...given({ found_predictions: summary.found_predictions }),
    };
  };
  return {
    run_id: context.run_id,
    query: context.query,
    structured_query,
    config: context.config,
    random_seed: context.random_seed,
    control_strategy: context.config.control_strategy,
    control_strategy_effective,
    control_cells_available: context.control_cells_available ?? false,
    model: batch.model,
    atlas: (await atlases.open(context.config.datasets, signal)).map(
      ({ index: { dataset, simulated, source_file, source_sha256 } }) => ({
        dataset,
        simulated,
        source_file,
        source_sha256,
      }),
    ),
    iterations: await Promise.all(context.iterations.map(iterationResult)),
    delivered_iteration: delivered.iteration,
    termination_reason,
    final_score: delivered.score,
    expected_accuracy: delivered.expected_accuracy ?? null,
    usage: document.usage,
    timestamps: {
      created_at: document.created_at,
      started_at: document.started_at ?? document.created_at,
    },
    software,
    history: await runs.history(context.run_id),
  };
}
