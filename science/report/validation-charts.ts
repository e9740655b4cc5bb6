import type { GenePoint } from "../validation/judged-target.ts";
import { COLOURS, renderLayers, type Chart, type ChartFrame } from "./chart.ts";
import { plural, shorten } from "./wording.ts";

/** A judged target as the charts show it. Null: it could not be told. */
export interface ChartedTarget {
  readonly name: string;
  readonly pearson: number;
  readonly others: number | null;
  readonly best: number | null;
  readonly ceiling: number | null;
  readonly expected: {
    readonly pearson: number;
    readonly low: number;
    readonly high: number;
  } | null;
}

const quantitative = (field: string, title: string | null, domain: readonly number[]) => ({
  field,
  type: "quantitative" as const,
  scale: { domain: [...domain], nice: false, zero: false },
  axis: title === null ? null : { title, tickCount: 5, ticks: false, domain: false },
});

/** Symmetric about 0, a little beyond the largest value. */
const around0 = (values: readonly number[]): readonly [number, number] => {
  const most = values.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-9) * 1.05;
  return [-most, most];
};

/** Each gene's predicted against its measured difference, on one scale; on the line they agree. */
export async function deltaChart(name: string, points: readonly GenePoint[]): Promise<Chart> {
  const frame: ChartFrame = {
    width: 520,
    height: 300,
    padding: { left: 60, right: 24, top: 8, bottom: 44 },
  };
  const domain = around0(points.flatMap(({ predicted, measured }) => [predicted, measured]));
  const x = quantitative("measured", "measured difference", domain);
  const y = quantitative("predicted", "predicted difference", domain);
  const svg = await renderLayers(frame, [
    {
      data: { values: domain.map((value) => ({ measured: value, predicted: value })) },
      mark: { type: "line", color: COLOURS.quiet, strokeDash: [5, 4] },
      encoding: { x, y },
    },
    {
      data: { values: points.map(({ measured, predicted }) => ({ measured, predicted })) },
      mark: { type: "circle", color: COLOURS.down, size: 12, opacity: 0.45 },
      encoding: { x, y },
    },
  ]);
  return {
    svg,
    label: `Predicted against measured difference of the ${plural(points.length, "gene")} that change most, ${name}.`,
  };
}

const MARKS = [
  { key: "others", shape: "square", colour: COLOURS.quiet },
  { key: "best", shape: "diamond", colour: COLOURS.soft },
  { key: "ceiling", shape: "triangle-up", colour: COLOURS.up },
] as const;

/** A bar of the prediction's correlation for each target, with marks of what it is held against. */
export async function targetChart(targets: readonly ChartedTarget[]): Promise<Chart> {
  const frame: ChartFrame = {
    width: 380,
    height: targets.length * 24,
    padding: { left: 240, right: 24, top: 4, bottom: 44 },
  };
  const lowest = Math.min(0, ...targets.map(({ pearson }) => pearson));
  const x = quantitative("value", "correlation with the measured response", [lowest, 1]);
  const y = quantitative("row", null, [targets.length, 0]);
  const bars = targets.map(({ name, pearson }, i) => ({
    value: pearson,
    zero: 0,
    row: i + 0.2,
    end: i + 0.8,
    middle: i + 0.5,
    name: shorten(name, 40),
  }));
  const svg = await renderLayers(frame, [
    {
      data: { values: bars },
      mark: { type: "rect", color: COLOURS.down },
      encoding: { x, x2: { field: "zero" }, y, y2: { field: "end" } },
    },
    {
      data: { values: bars },
      mark: { type: "text", align: "right", baseline: "middle", dx: -8 },
      encoding: {
        x: { value: 0 },
        y: quantitative("middle", null, [targets.length, 0]),
        text: { field: "name" },
      },
    },
    ...MARKS.map(({ key, shape, colour }) => ({
      data: {
        values: targets.flatMap((target, i) => {
          const value = target[key];
          return value === null ? [] : [{ value, row: i + 0.5 }];
        }),
      },
      mark: {
        type: "point" as const,
        shape,
        size: 60,
        filled: true,
        color: colour,
        stroke: "#ffffff",
        opacity: 1,
      },
      encoding: { x, y },
    })),
  ]);
  return {
    svg,
    label: `Correlation of each prediction with the truth: ${targets.map(({ name, pearson }) => `${name} ${pearson.toFixed(2)}`).join("; ")}.`,
  };
}

/** Expected accuracy with its interval against the true one; on the line they agree. */
export async function calibrationChart(targets: readonly ChartedTarget[]): Promise<Chart> {
  const frame: ChartFrame = {
    width: 520,
    height: 300,
    padding: { left: 60, right: 24, top: 8, bottom: 44 },
  };
  const known = targets.flatMap(({ pearson, expected }) =>
    expected === null ? [] : [{ actual: pearson, ...expected }],
  );
  const least = Math.min(0, ...known.flatMap(({ actual, low }) => [actual, low]));
  const x = quantitative("actual", "true correlation", [least, 1]);
  const y = (field: string) => quantitative(field, "expected correlation", [least, 1]);
  const svg = await renderLayers(frame, [
    {
      data: { values: [least, 1].map((value) => ({ actual: value, pearson: value })) },
      mark: { type: "line", color: COLOURS.quiet, strokeDash: [5, 4] },
      encoding: { x, y: y("pearson") },
    },
    {
      data: { values: known },
      mark: { type: "rule", color: COLOURS.soft },
      encoding: { x, y: y("low"), y2: { field: "high" } },
    },
    {
      data: { values: known },
      mark: { type: "circle", color: COLOURS.down, size: 50, opacity: 1 },
      encoding: { x, y: y("pearson") },
    },
  ]);
  const held = known.filter(({ actual, low, high }) => low <= actual && actual <= high).length;
  return {
    svg,
    label: `Expected against true correlation: held by ${held} of ${plural(known.length, "interval")}.`,
  };
}
