import { errorOf, outputOf } from "./event-params.ts";
import type { InferenceJobOutput } from "./inference-job-types.ts";
import { jobInput } from "./run-inputs.ts";
import { runSetup } from "./run-setup.ts";
import type { JobKind } from "./pair-types.ts";
import type { RunContext } from "./run-types.ts";

/** By the kind of a job: the guard and the action that only its state uses. */
const NAMES = {
  prediction: {
    concerns: "concernsPrediction",
    forward: "forwardToPredictionJob",
  },
  control: {
    concerns: "concernsControl",
    forward: "forwardToControlJob",
  },
  round: {
    concerns: "concernsRound",
    forward: "forwardToRoundJob",
  },
} as const;

export interface JobEnded {
  readonly event: { readonly output: InferenceJobOutput };
}

/** The state that sees one job through. */
export function jobState(kind: JobKind, next: "ready" | "#run.evaluating") {
  const { concerns, forward } = NAMES[kind];
  const inputOfJob = ({ context }: { readonly context: RunContext }) => jobInput(context, kind);
  const errorOfJob = ({ event }: JobEnded) => ({ error: event.output.error });

  return runSetup.createStateConfig({
    invoke: {
      id: `${kind}Job`,
      src: "inferenceJob",
      input: inputOfJob,
      onDone: [
        {
          guard: {
            type: "jobSucceeded",
            params: outputOf,
          },
          target: next,
          actions: {
            type: "finishJob",
            params: outputOf,
          },
        },
        {
          target: "#run.failing",
          actions: {
            type: "setError",
            params: errorOfJob,
          },
        },
      ],
      onError: {
        target: "#run.failing",
        actions: {
          type: "setError",
          params: errorOf,
        },
      },
    },
    on: {
      "job.changed": {
        guard: concerns,
        actions: forward,
      },
      "clock.ticked": { actions: forward },
    },
  });
}
