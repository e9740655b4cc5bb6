import type { ControlStrategy } from "../../science/query/structured-query.ts";
import type { IterationSummary } from "../../services/runs/iteration.ts";

/** How many predictions a job of that iteration made: those that were found before are left out. */
export function pairsMade(
  { prompts, found_predictions = [] }: Pick<IterationSummary, "prompts" | "found_predictions">,
  strategy: ControlStrategy | null,
): number {
  const all =
    prompts === undefined
      ? strategy === "synthetic_control"
        ? 2
        : 1
      : new Set(prompts.flatMap(({ prediction, control }) => [prediction, control ?? []].flat()))
          .size;
  return all - found_predictions.length;
}
