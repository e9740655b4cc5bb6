import { newRunId } from "../../actors/new-run.ts";
import { countedPrediction, iterationObjects } from "../../actors/run-objects.ts";
import type { JudgedTarget } from "../../science/validation/judged-target.ts";
import type { Daemon } from "../../daemon.ts";
import { donorName, withholdOf, type Target } from "../../science/validation/targets.ts";
import { newRun, type RunConfig, type RunDocument } from "../../services/runs/document.ts";
import type { Posed } from "./choose-targets.ts";

export interface TargetOutcome extends Posed {
  readonly status: "judged" | "not_judged" | "failed";
  readonly document: RunDocument | null;
  readonly judged: JudgedTarget | null;
}

export interface ValidationSettings {
  readonly dataset: string;
  /** Folder of the imported atlas. */
  readonly dir: string;
  readonly seed: number;
  readonly config: (more: Partial<RunConfig>) => RunConfig;
}

/** Withholds, predicts and compares one target. */
export async function validateTarget(
  daemon: Daemon,
  posed: Posed,
  { dataset, dir, seed, config }: ValidationSettings,
): Promise<TargetOutcome> {
  const { target, what, reason } = posed;
  if (reason !== null) return { ...posed, status: "not_judged", document: null, judged: null };
  const withhold = { ...withholdOf(target, what), what: [...what], split_seed: seed };
  const run = newRun({
    run_id: newRunId(),
    query: questionOf(target),
    user_email: null,
    config: config({ datasets: [dataset], withhold }),
    random_seed: seed,
    now: Date.now(),
  });
  const settled = daemon.supervisor.settled(run.run_id);
  await daemon.supervisor.submit(run);
  const document = await settled;
  const problem = problemOf(document, target);
  if (problem !== null) return { ...posed, ...problem, document, judged: null };
  const response = (iteration: number): Promise<string> =>
    daemon.objects.fetch({
      path: iterationObjects(run.run_id, iteration).response(
        countedPrediction(iterationOf(document, iteration)),
      ),
    });
  const delivered = document.delivered_iteration ?? 1;
  const judged = await daemon.compute.run("judgeTarget", {
    dir,
    target,
    what,
    seed,
    response: await response(delivered),
    plan: await daemon.objects.fetch({ path: iterationObjects(run.run_id, delivered).plan }),
    counted: iterationOf(document, delivered) ?? null,
    first: await response(1),
  });
  return { ...posed, status: "judged", document, judged };
}

const iterationOf = ({ iterations }: RunDocument, number: number) =>
  iterations.find(({ iteration }) => iteration === number);

const questionOf = ({ cell_type, perturbation, donor }: Target): string =>
  donor === null
    ? `How would ${cell_type} respond to ${perturbation}?`
    : `How would ${cell_type} of donor ${donorName(donor)} respond to ${perturbation}?`;

/** Why a run's answer cannot be held against the target. A failure that may pass is no judgement. */
function problemOf(
  { status, error, error_message: message, structured_query: query }: RunDocument,
  { cell_type, perturbation, donor }: Target,
): Pick<TargetOutcome, "status" | "reason"> | null {
  if (status !== "completed" || query === null)
    return {
      status: error?.retryable === false ? "not_judged" : "failed",
      reason: message ?? `The run was ${status}.`,
    };
  const types = query.cell_type.atlas_labels;
  const treatments = query.perturbation.atlas_labels;
  const understood =
    types.length === 1 &&
    types[0] === cell_type &&
    treatments.every((label) => label === perturbation) &&
    query.donor === donor;
  if (understood) return null;
  const read = [types.join(" and "), query.perturbation.name, query.donor].filter(
    (part) => part !== null,
  );
  return {
    status: "not_judged",
    reason: `Its question was read as ${read.join(", ")}, which is another one.`,
  };
}
