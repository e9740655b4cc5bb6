import { errorOf, outputOf } from "./event-params.ts";
import type { InferenceJobOutput } from "./inference-job-types.ts";
import { jobInput } from "./run-inputs.ts";
import { runSetup } from "./run-setup.ts";
import type { JobKind, RunContext } from "./run-types.ts";

/** By the kind of a region's job: the guards and the action that only this region uses. */
const NAMES = {
  prediction: {
    settled: "predictionsPresent",
    concerns: "concernsPrediction",
    forward: "forwardToPredictionJob",
  },
  control: {
    settled: "controlSettled",
    concerns: "concernsControl",
    forward: "forwardToControlJob",
  },
} as const;

interface JobEnded {
  readonly event: { readonly output: InferenceJobOutput };
}

/** The region of `inferring` that sees one kind of job through. */
export function inferenceRegion<Kind extends JobKind>(kind: Kind) {
  const { settled, concerns, forward } = NAMES[kind];
  const inputOfJob = ({ context }: { readonly context: RunContext }) => jobInput(context, kind);
  const resultOfJob = ({ event }: JobEnded) => ({ kind, output: event.output });
  const errorOfJob = ({ event }: JobEnded) => ({ error: event.output.error });

  return runSetup.createStateConfig({
    initial: "deciding",
    states: {
      deciding: {
        always: [
          {
            guard: settled,
            target: "ready",
          },
          { target: "predicting" },
        ],
      },
      predicting: {
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
              target: "ready",
              actions: {
                type: "finishJob",
                params: resultOfJob,
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
      },
      ready: { type: "final" },
    },
  });
}
