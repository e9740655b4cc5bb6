import { HaystackError } from "../../errors.ts";
import type { AnalyzeInput, AnalyzeOutput } from "../../machines/run-types.ts";
import type { Effect } from "../step.ts";
import type { StepPorts } from "./ports.ts";
import { placesOf } from "./ports.ts";

/** Text to structured query; decides the effective control strategy from what the atlases hold. */
export function analyze({ atlases, compute }: StepPorts): Effect<AnalyzeInput, AnalyzeOutput> {
  return async ({ query, config }, { signal }) => {
    const opened = await atlases.open(config.datasets, signal);
    const { structured_query, control_cells_available } = await compute.run("analyze", { query, atlases: placesOf(opened, config) }, signal);
    const fallsBack = config.control_strategy === "synthetic_control" && !control_cells_available;
    if (structured_query.cell_type.atlas_labels.length === 0) {
      throw new HaystackError("CELL_TYPE_NOT_IN_ATLAS", `The atlas holds no cells of type ${structured_query.cell_type.name}; ask about one of its cell types or import an atlas that has it.`);
    }
    return {
      structured_query: fallsBack
        ? {
            ...structured_query,
            control_strategy_fallback: {
              requested: "synthetic_control",
              effective: "query_as_control",
              reason: "No usable prompt cells have matched control cells of the same dataset, cell type and donor.",
            },
          }
        : structured_query,
      control_cells_available,
      control_strategy_effective: fallsBack ? "query_as_control" : config.control_strategy,
    };
  };
}
