import type { Run } from "./api/client.ts";
import type { Transition } from "./transition.ts";

type Job = Run["jobs"][number];

export interface Stretch {
  readonly actor: string;
  readonly state: string;
  /** The attempt at a job that it is. */
  readonly job?: Job | undefined;
  /** Milliseconds. */
  readonly from: number;
  readonly to: number;
}

const OVER = new Set(["completed", "failed", "cancelled", "succeeded", "stopped"]);

/** Outermost state of a run: `inferring.separate.prediction...|control...` is inferring. */
const outermost = (state: string): string => /^[^.|]*/.exec(state)?.[0] ?? state;

/** The machines of jobs, and what their jobs are. */
const KIND_OF: Readonly<Record<string, Job["kind"]>> = {
  predictionJob: "prediction",
  controlJob: "control",
  roundJob: "round",
};
/** States in which an attempt is under way, however often it is looked at. */
const ATTEMPT = new Set(["submitting", "awaiting", "checking", "expiring"]);
const WORDS: Readonly<Record<string, string>> = {
  preparing: "is prepared",
  retrying: "waits for its next attempt",
  postponed: "put off",
};

interface Open {
  readonly state: string;
  readonly from: number;
  readonly job?: Job | undefined;
}

/**
 * How long each actor was in each of its states, and each attempt at a job as a stretch of its own;
 * the last stretch of what goes on ends now. `jobs`: as they began.
 */
export function stretchesOf(
  transitions: readonly Transition[],
  {
    began,
    ends,
    jobs = [],
  }: { readonly began: number; readonly ends: number; readonly jobs?: readonly Job[] },
): Stretch[] {
  const found: Stretch[] = [];
  const attempts = new Map<string, number>();
  const openOf = new Map<string, Open>([
    ["run", { state: outermost(transitions[0]?.from ?? "queued"), from: began }],
  ]);
  const close = (actor: string, when: number): void => {
    const open = openOf.get(actor);
    if (open !== undefined && !OVER.has(open.state)) found.push({ actor, ...open, to: when });
  };
  for (const { actor, at, from, to } of transitions) {
    const kind = KIND_OF[actor];
    const outer = outermost(to);
    const isAttempt = kind !== undefined && ATTEMPT.has(outer);
    let open: Omit<Open, "from"> = { state: kind === undefined ? outer : (WORDS[outer] ?? outer) };
    if (isAttempt) {
      if (outer === "submitting" && outermost(from) !== "postponed")
        attempts.set(actor, (attempts.get(actor) ?? 0) + 1);
      const nth = attempts.get(actor) ?? 1;
      const job = jobs.filter((each) => each.kind === kind)[nth - 1];
      open = { state: `attempt ${job?.attempt ?? nth}`, job };
    }
    const before = openOf.get(actor);
    const isSame = before?.state === open.state && before.job === open.job;
    if (isSame) continue;
    const when = Date.parse(at);
    close(actor, when);
    openOf.set(actor, { ...open, from: when });
  }
  for (const actor of openOf.keys()) close(actor, ends);
  return found.toSorted((a, b) => a.from - b.from);
}
