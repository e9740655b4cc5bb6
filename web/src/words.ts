import type { ListedRun, Run } from "./api/client.ts";

/** Words and number formats of the window. */

type Standing = Pick<ListedRun, "status" | "current_phase"> & { readonly interrupted?: boolean };

export const STATUSES = ["pending", "running", "completed", "failed", "cancelled"] as const;
export type Status = (typeof STATUSES)[number];

/** How a run is shown: its status, or one of two states that need a word of their own. */
export type Shown = Status | "cancelling" | "interrupted";

export function shownAs({ status, current_phase, interrupted }: Standing): Shown {
  if (interrupted === true && status !== "cancelled") return "interrupted";
  return status === "cancelled" && current_phase !== null ? "cancelling" : status;
}

export const SHOWN_WORDS: Readonly<Record<Shown, string>> = {
  pending: "Waiting to begin",
  running: "Running",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
  cancelling: "Cancelled; its jobs are being stopped",
  interrupted: "Interrupted: nobody hosts it",
};

export const PHASE_WORDS: Readonly<Record<NonNullable<ListedRun["current_phase"]>, string>> = {
  pending: "waiting for its turn",
  query_analysis: "reading the question",
  prompt_generation: "choosing prompt cells",
  inference: "predicting",
  evaluation: "judging the prediction",
  output_generation: "writing the files",
};

/** What a run does after what it does now. */
export function nextOf({
  current_phase,
  current_iteration,
  config: { max_iterations, score_threshold },
}: Pick<Run, "current_phase" | "current_iteration" | "config">): string {
  switch (current_phase) {
    case "query_analysis":
      return "prompt cells are chosen from the atlas.";
    case "prompt_generation":
      return "the model predicts.";
    case "inference":
      return "the prediction is judged.";
    case "evaluation":
      return current_iteration < max_iterations
        ? `the files are written if the score is ${score_threshold} or more, or nothing better can come; else another of at most ${max_iterations} iterations.`
        : "the files are written; this is the last iteration.";
    case "output_generation":
      return "the result can be looked at here.";
    default:
      return "the question is read, as soon as it is its turn.";
  }
}

export const TERMINATION_WORDS: Readonly<
  Record<NonNullable<ListedRun["termination_reason"]>, string>
> = {
  converged: "The score reached the threshold.",
  max_iterations: "All iterations were used without reaching the threshold.",
  plateau: "The score had stopped improving.",
  no_expected_gain:
    "By what the atlas tells, neither expected accuracy nor score would have improved further.",
  cancelled: "The run was cancelled.",
  failed: "The run failed.",
};

/** Whether nothing more comes until somebody asks for it. */
export const isAtRest = ({ status, current_phase }: Standing): boolean =>
  status === "completed" ||
  status === "failed" ||
  (status === "cancelled" && current_phase === null);

export const mayCancel = ({ status }: Standing): boolean =>
  status === "pending" || status === "running";
export const mayRetry = ({ status }: Standing): boolean => status === "failed";

const SECOND = 1_000;
const STEPS = [
  ["day", 86_400 * SECOND],
  ["hour", 3_600 * SECOND],
  ["minute", 60 * SECOND],
  ["second", SECOND],
] as const;

/** "3 minutes", in the largest unit that it has two of, so that 90 minutes stay 90 minutes. */
export function lasting(ms: number): string {
  const [unit, size] = STEPS.find(([, each]) => ms >= 2 * each) ?? STEPS[STEPS.length - 1]!;
  const count = Math.max(0, Math.floor(ms / size));
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

export const ago = (iso: string, now: number): string => {
  const ms = now - Date.parse(iso);
  return ms < 2 * SECOND ? "now" : `${lasting(ms)} ago`;
};

const clockTime = new Intl.DateTimeFormat("en-GB", {
  dateStyle: "medium",
  timeStyle: "medium",
});
export const time = (at: string | number): string => clockTime.format(new Date(at));

export const count = (value: number): string => value.toLocaleString("en-GB");

export const plural = (value: number, noun: string): string =>
  `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

const PROVISIONING_WORDS = {
  SPOT: "Spot",
  STANDARD: "standard",
  FLEX_START: "Flex-start",
} as const;

const FAILURE_WORDS = {
  preempted: "the machine was taken back",
  transient: "a passing fault",
  application: "its program failed",
  over_time: "it took too long",
} as const;

/** What an attempt at a job ran on, what that costs, and why it failed; empty where nothing is to be told. */
export function jobWords({ offer, failure }: Run["jobs"][number]): string {
  const parts = [];
  if (offer)
    parts.push(
      `${offer.machine}${offer.region === undefined ? "" : ` in ${offer.region}`}, ${PROVISIONING_WORDS[offer.provisioning]} at ${money(offer.usd_per_hour)} an hour`,
    );
  if (failure) parts.push(FAILURE_WORDS[failure]);
  return parts.join("; ");
}

export const money = (usd: number): string => `$${usd.toFixed(2)}`;

export const bytes = (value: number): string => {
  const units = ["bytes", "kB", "MB", "GB"] as const;
  const power = Math.min(units.length - 1, value < 1_000 ? 0 : Math.floor(Math.log10(value) / 3));
  return `${(value / 1_000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
};

/** A true minus sign and an explicit plus. */
export const signed = (value: number): string =>
  `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;

export const pValue = (value: number): string =>
  value === 0 ? "< 1e-300" : value < 0.001 ? value.toExponential(1) : value.toFixed(3);

export function accuracy(expected: ListedRun["expected_accuracy"]): string {
  if (expected === null || expected === undefined) return "–";
  return expected.known ? expected.pearson.toFixed(2) : "unknown";
}

/** "control prediction of prompt 2" for control-2. */
export function pairInWords(pair: string): string {
  const [kind, number] = pair.split("-");
  const named = kind === "control" ? "control prediction" : "prediction";
  return number === undefined ? named : `${named} of prompt ${number}`;
}

export const words = (name: string): string => name.replaceAll("_", " ");
