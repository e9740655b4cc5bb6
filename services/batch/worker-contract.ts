import type { JobFailure } from "./index.ts";

/**
 * How the inference program ends, as the STACK worker does (docs/stack-worker.md,
 * worker/haystack_worker/failure.py): by exit code, with the reason as the last line on stderr. With
 * the same seed most of its failures come again.
 */
export const WORKER_EXIT_CODES = {
  OTHER: 1,
  BAD_INPUT: 2,
  MODEL_UNUSABLE: 3,
  MODEL_FAILED: 4,
  OUTPUT_INVALID: 5,
  OUT_OF_MEMORY: 6,
  STOPPED: 143,
} as const;

export interface WorkerExit {
  readonly text: string;
  /** Absent: the job is repeated as often as the run allows. */
  readonly repeats?: NonNullable<JobFailure["repeats"]>;
}

const EXITS: Readonly<Record<keyof typeof WORKER_EXIT_CODES, WorkerExit>> = {
  OTHER: { text: "The worker failed unexpectedly" },
  BAD_INPUT: {
    text: "The worker rejected the prompt, query or arguments, and would again",
    repeats: "never",
  },
  MODEL_UNUSABLE: {
    text: "The worker cannot use its checkpoint, gene list or GPU",
    repeats: "never",
  },
  MODEL_FAILED: { text: "The model failed while it ran", repeats: "once" },
  OUTPUT_INVALID: {
    text: "The model returned an invalid result, and would again with this seed",
    repeats: "never",
  },
  OUT_OF_MEMORY: {
    text: "The worker ran out of memory: choose a machine or accelerator with more memory, or fewer cells",
    repeats: "never",
  },
  STOPPED: { text: "The worker was stopped by another program" },
};

const BY_CODE: ReadonlyMap<number, WorkerExit> = new Map(
  (Object.keys(EXITS) as (keyof typeof EXITS)[]).map((name) => [
    WORKER_EXIT_CODES[name],
    EXITS[name],
  ]),
);

/** Undefined: a code that the contract does not name. */
export const workerExit = (code: number): WorkerExit | undefined => BY_CODE.get(code);
