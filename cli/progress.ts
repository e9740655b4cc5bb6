import type { Ora } from "ora";
import type { RunDocument } from "../services/runs/document.ts";
import { isDrawable, note, visible } from "./output.ts";

const PHASES = {
  pending: "waiting to start",
  query_analysis: "understanding the question",
  prompt_generation: "choosing prompt cells",
  inference: "predicting",
  evaluation: "judging the prediction",
  output_generation: "writing the results",
} as const;

/** What progress shows of a run. */
export type ShownRun = Pick<
  RunDocument,
  | "run_id"
  | "status"
  | "current_phase"
  | "current_iteration"
  | "grounding_scores"
  | "final_score"
  | "held_jobs"
  | "postponed"
>;

export interface Progress {
  readonly show: (run: ShownRun) => void;
  /** What goes on at present. */
  readonly say: (text: string) => void;
  /** A line that stays, above what goes on. */
  readonly log: (text: string) => void;
  readonly end: () => void;
}

/**
 * Progress on stderr: a spinner on a terminal of known width, a plain line for each change
 * elsewhere. (A spinner of ora never ends clearing what it drew on no columns.)
 */
async function createProgress(): Promise<Progress> {
  const spinner = isDrawable() ? await newSpinner() : undefined;
  const said = new Map<string, string>();
  const say = (text: string): void => {
    if (spinner === undefined) note(text);
    else if (spinner.isSpinning) spinner.text = visible(text);
    else spinner.start(visible(text));
  };
  return {
    say,
    log(text) {
      if (spinner?.isSpinning === true) spinner.clear();
      note(text);
    },
    show(run) {
      const line = describe(run);
      if (said.get(run.run_id) === line) return;
      said.set(run.run_id, line);
      say(line);
    },
    end: () => void spinner?.stop(),
  };
}

async function newSpinner(): Promise<Ora> {
  const { default: ora } = await import("ora");
  return ora({ stream: process.stderr, isEnabled: true, discardStdin: false });
}

/** Logs a line for each thing, if there is one. */
export const logging =
  <Thing>({ log }: Progress, lineOf: ((thing: Thing) => string) | undefined) =>
  (thing: Thing): void => {
    if (lineOf !== undefined) log(lineOf(thing));
  };

export async function withProgress<Result>(
  work: (progress: Progress) => Promise<Result>,
): Promise<Result> {
  const progress = await createProgress();
  try {
    return await work(progress);
  } finally {
    progress.end();
  }
}

function describe({
  run_id,
  status,
  current_phase,
  current_iteration,
  grounding_scores,
  final_score,
  held_jobs,
  postponed,
}: ShownRun): string {
  const last = grounding_scores.at(-1);
  if (status === "cancelled")
    return `${run_id}: ${current_phase === null ? "cancelled" : "cancelling"}`;
  if (status !== "running" || current_phase === null)
    return `${run_id}: ${status}${final_score === null ? "" : `, score ${final_score}`}`;
  const iteration =
    current_iteration === 0
      ? ""
      : `iteration ${current_iteration}${last === undefined ? "" : `, last score ${last}`}, `;
  const [held] = held_jobs ?? [];
  const why =
    held !== undefined
      ? ` (no machine yet: ${held.reason})`
      : postponed !== undefined
        ? ` (tried again at ${postponed.try_at}: ${postponed.message})`
        : "";
  return `${run_id}: ${iteration}${PHASES[current_phase]}${why}`;
}
