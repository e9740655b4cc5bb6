import { jobState } from "./run-job-state.ts";
import { runSetup } from "./run-setup.ts";
import type { PairKind } from "./pair-types.ts";

const SETTLED = {
  prediction: "predictionsPresent",
  control: "controlSettled",
} as const;

/** The region of `inferring.separate` that sees one kind of job through. */
function inferenceRegion<Kind extends PairKind>(kind: Kind) {
  return runSetup.createStateConfig({
    initial: "deciding",
    states: {
      deciding: {
        always: [
          {
            guard: SETTLED[kind],
            target: "ready",
          },
          { target: "predicting" },
        ],
      },
      predicting: jobState(kind, "ready"),
      ready: { type: "final" },
    },
  });
}

/** All predictions of a round by one job, or side by side by one job each. */
export const inferring = runSetup.createStateConfig({
  entry: {
    type: "enterPhase",
    params: { phase: "inference" },
  },
  initial: "deciding",
  states: {
    deciding: {
      always: [
        {
          guard: "sharesJob",
          target: "together",
        },
        { target: "separate" },
      ],
    },
    together: jobState("round", "#run.evaluating"),
    separate: {
      type: "parallel",
      states: {
        prediction: inferenceRegion("prediction"),
        control: inferenceRegion("control"),
      },
      onDone: { target: "#run.evaluating" },
    },
  },
  on: { "cancel.requested": { target: "#run.cancelling" } },
});
