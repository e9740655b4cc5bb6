import type { JSX } from "preact";
import type { Run } from "../api/client.ts";

const STEPS = [
  ["pending", "Waits"],
  ["query_analysis", "Reads the question"],
  ["prompt_generation", "Chooses prompt cells"],
  ["inference", "Predicts"],
  ["evaluation", "Judges"],
  ["output_generation", "Writes files"],
] as const;

/** Where a run is on its way; the middle three are gone round once for each iteration. */
export function Steps({ run }: { readonly run: Run }): JSX.Element {
  const at =
    run.status === "completed"
      ? STEPS.length
      : STEPS.findIndex(([phase]) => phase === run.current_phase);
  return (
    <ol class="steps" aria-label="Steps of the run">
      {STEPS.map(([phase, title], place) => {
        const state = place < at ? "done" : place === at ? "here" : "ahead";
        return (
          <li
            key={phase}
            class={`${state}${place === at && run.status === "failed" ? " failed" : ""}`}
            aria-current={state === "here" ? "step" : undefined}
          >
            {title}
            {phase === "inference" && run.current_iteration > 0 && (
              <span class="hint">
                {" "}
                {run.current_iteration} of at most {run.config.max_iterations}
              </span>
            )}
          </li>
        );
      })}
    </ol>
  );
}
