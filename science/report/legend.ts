import type { ChartFrame, Layers } from "./chart.ts";
import { COLOURS, FONT_SIZE } from "./chart.ts";

/** What a mark of a chart stands for. */
export interface LegendEntry {
  readonly text: string;
  /** A shape of Vega, or a dashed line. */
  readonly mark: "circle" | "square" | "triangle-up" | "diamond" | "cross" | "line";
  readonly colour: string;
  /** Drawn as an outline. */
  readonly hollow?: true;
}

const ROW = 19;
const MARK = 18;
const PER_CHARACTER = FONT_SIZE * 0.54;
const BETWEEN = 14;

/** The frame with room for a legend above it, and the layers of the legend: it is part of the drawing. */
export function withLegend(
  frame: ChartFrame,
  entries: readonly LegendEntry[],
): { readonly frame: ChartFrame; readonly layers: Layers } {
  const { padding, width } = frame;
  const right = width + padding.right;
  let x = -padding.left + 6;
  let row = 0;
  const placed = entries.map((entry) => {
    const length = MARK + entry.text.length * PER_CHARACTER;
    if (x + length > right && x > -padding.left + 6) {
      x = -padding.left + 6;
      row += 1;
    }
    const place = { ...entry, x, row };
    x += length + BETWEEN;
    return place;
  });
  const rows = row + 1;
  const top = padding.top + rows * ROW + 6;
  const layers = placed.flatMap((entry): Layers => {
    const y = { value: -top + 11 + entry.row * ROW };
    const values = { data: { values: [{}] } };
    return [
      entry.mark === "line"
        ? {
            ...values,
            mark: { type: "rule", color: entry.colour, strokeDash: [4, 3], strokeWidth: 1.4 },
            encoding: { x: { value: entry.x - 2 }, x2: { value: entry.x + 12 }, y },
          }
        : {
            ...values,
            mark: {
              type: "point",
              shape: entry.mark,
              size: 70,
              opacity: 1,
              strokeWidth: entry.hollow === true ? 1.4 : 0,
              stroke: entry.hollow === true ? entry.colour : "transparent",
              fill: entry.hollow === true ? "transparent" : entry.colour,
            },
            encoding: { x: { value: entry.x + 5 }, y },
          },
      {
        ...values,
        mark: { type: "text", align: "left", baseline: "middle", color: COLOURS.soft },
        encoding: { x: { value: entry.x + MARK }, y, text: { value: entry.text } },
      },
    ];
  });
  return { frame: { ...frame, padding: { ...padding, top } }, layers };
}
