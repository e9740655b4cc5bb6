import type { CellMap } from "../response/cell-map.ts";
import type { CellOrigin } from "../response/predicted-response.ts";
import type { Chart, ChartFrame, ChartSize } from "./chart.ts";
import { COLOURS, renderLayers } from "./chart.ts";
import { withLegend } from "./legend.ts";
import { plural } from "./wording.ts";

const FRAMES: Readonly<Record<ChartSize, ChartFrame>> = {
  wide: { width: 620, height: 400, padding: { left: 52, right: 14, top: 12, bottom: 44 } },
  narrow: { width: 262, height: 262, padding: { left: 50, right: 12, top: 10, bottom: 44 } },
};

const ORIGINS: Readonly<
  Record<CellOrigin, { readonly text: string; readonly colour: string; readonly order: number }>
> = {
  control_prediction: { text: "control prediction", colour: "#009e73", order: 0 },
  control: { text: "control cells", colour: COLOURS.down, order: 1 },
  prediction: { text: "predicted cells", colour: COLOURS.up, order: 2 },
};

/** The delivered cells on two principal components, those of one origin in one colour. */
export async function mapChart(map: CellMap, size: ChartSize): Promise<Chart> {
  const shown = (Object.keys(ORIGINS) as CellOrigin[])
    .filter((origin) => map.origin.includes(origin))
    .toSorted((a, b) => ORIGINS[a].order - ORIGINS[b].order);
  const { frame, layers: legend } = withLegend(
    FRAMES[size],
    shown.toReversed().map((origin) => ({ ...ORIGINS[origin], mark: "circle" as const })),
  );
  const percent = (share: number): string => `${(100 * share).toFixed(1)} % of variance`;
  const axis = (name: "x" | "y", title: string) => ({
    field: name,
    type: "quantitative" as const,
    scale: { domain: domainOf(map[name]), nice: false, zero: false },
    axis: { title, tickCount: 5, grid: false, ...(name === "y" ? { titleX: -38 } : {}) },
  });
  const svg = await renderLayers(frame, [
    ...legend,
    ...shown.map((origin) => ({
      data: {
        values: map.origin.flatMap((each, i) =>
          each === origin ? [{ x: map.x[i]!, y: map.y[i]! }] : [],
        ),
      },
      mark: { type: "circle" as const, size: 22, color: ORIGINS[origin].colour, opacity: 0.55 },
      encoding: {
        x: axis("x", `PC 1 (${percent(map.variance_ratio[0])})`),
        y: axis("y", `PC 2 (${percent(map.variance_ratio[1])})`),
      },
    })),
  ]);
  const counts = shown.map(
    (origin) => `${map.origin.filter((each) => each === origin).length} ${ORIGINS[origin].text}`,
  );
  return {
    svg,
    label: `Map of ${plural(map.origin.length, "cell")} on two principal components: ${counts.join(", ")}.`,
  };
}

function domainOf(values: Float64Array): [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.04 * (high - low || 1);
  return [low - room, high + room];
}
