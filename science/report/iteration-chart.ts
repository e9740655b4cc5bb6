import type { GroundingComponentName } from "../grounding/grounding.ts";
import { GROUNDING_WEIGHTS } from "../grounding/grounding.ts";
import type { Chart, ChartFrame, ChartSize } from "./chart.ts";
import { COLOURS, renderLayers } from "./chart.ts";
import { type LegendEntry, withLegend } from "./legend.ts";
import type { IterationResult } from "./result.ts";
import { COMPONENT_TITLES } from "./wording.ts";

const FRAMES: Readonly<Record<ChartSize, ChartFrame>> = {
  wide: { width: 600, height: 210, padding: { left: 52, right: 34, top: 14, bottom: 44 } },
  narrow: { width: 258, height: 190, padding: { left: 46, right: 20, top: 14, bottom: 44 } },
};

/** Colour and shape both tell the component, so that the legend works in black and white. */
const COMPONENT_MARKS: Readonly<
  Record<
    GroundingComponentName,
    { readonly colour: string; readonly shape: Exclude<LegendEntry["mark"], "line"> }
  >
> = {
  pathway_coherence: { colour: "#0072b2", shape: "square" },
  target_activation: { colour: "#d55e00", shape: "triangle-up" },
  literature_support: { colour: "#009e73", shape: "diamond" },
  network_coherence: { colour: "#a6528f", shape: "cross" },
};

/** Grounding score and its measured components by iteration, with the threshold. */
export async function iterationChart(
  iterations: readonly IterationResult[],
  threshold: number,
  size: ChartSize,
): Promise<Chart> {
  const everMeasured = new Set(
    iterations.flatMap(({ grounding }) =>
      grounding.components.filter(({ score }) => score !== null).map(({ name }) => name),
    ),
  );
  const { frame, layers: legend } = withLegend(FRAMES[size], [
    { text: "grounding score", mark: "circle", colour: COLOURS.ink },
    { text: "threshold", mark: "line", colour: COLOURS.ink },
    ...Object.entries(COMPONENT_MARKS)
      .filter(([name]) => everMeasured.has(name as GroundingComponentName))
      .map(([name, { colour, shape }]) => ({
        text: COMPONENT_TITLES[name as GroundingComponentName].toLowerCase(),
        mark: shape,
        colour,
      })),
  ]);
  const scores = iterations.map(({ iteration, grounding }) => ({
    iteration,
    score: grounding.score,
    text: String(grounding.score),
  }));
  const numbers = iterations.map(({ iteration }) => iteration);
  const domain = [Math.min(...numbers) - 0.5, Math.max(...numbers) + 0.5];
  const x = {
    field: "iteration",
    type: "quantitative" as const,
    scale: { domain, nice: false, zero: false },
    axis: { title: "iteration", values: numbers, format: "d", grid: false, ticks: false },
  };
  const y = {
    field: "score",
    type: "quantitative" as const,
    scale: { domain: [0.5, 10.5], nice: false, zero: false },
    axis: { title: "score", values: [1, 4, 7, 10], domain: false, ticks: false, titleX: -34 },
  };
  const names = Object.keys(GROUNDING_WEIGHTS) as GroundingComponentName[];
  const besideScore = [-2, -1, 1, 2];
  const step = Math.min(1 / 7, ((domain[1] ?? 1) - (domain[0] ?? 0)) * (17 / frame.width));
  const components = names.map((name, i) => {
    const { colour, shape } = COMPONENT_MARKS[name];
    const values = iterations.flatMap(({ iteration, grounding }) => {
      const score = grounding.components.find((component) => component.name === name)?.score;
      return score === null || score === undefined
        ? []
        : [{ iteration: iteration + (besideScore[i] ?? 0) * step, score }];
    });
    const point = { shape, size: 60, filled: true, color: colour, opacity: 1 };
    return {
      data: { values },
      mark: { type: "line" as const, color: colour, strokeWidth: 1, opacity: 0.35, point },
      encoding: { x, y },
    };
  });
  const svg = await renderLayers(frame, [
    ...legend,
    {
      data: { values: [{ score: threshold }] },
      mark: { type: "rule", color: COLOURS.ink, strokeDash: [5, 4] },
      encoding: { y },
    },
    ...components,
    {
      data: { values: scores },
      mark: { type: "line", color: COLOURS.ink, strokeWidth: 2.5 },
      encoding: { x, y },
    },
    {
      data: { values: scores },
      mark: { type: "circle", color: COLOURS.ink, size: 380, opacity: 1 },
      encoding: { x, y },
    },
    {
      data: { values: scores },
      mark: { type: "text", color: "#ffffff", fontWeight: "bold" },
      encoding: { x, y, text: { field: "text" } },
    },
  ]);
  const label = `Grounding score by iteration: ${scores.map(({ iteration, score }) => `iteration ${iteration}, ${score}`).join("; ")}. Threshold ${threshold}.`;
  return { svg, label };
}
