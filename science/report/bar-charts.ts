import type { EnrichedPathway, TopGene } from "../grounding/grounding.ts";
import type { Chart, ChartFrame, ChartSize } from "./chart.ts";
import { COLOURS, renderLayers } from "./chart.ts";
import { withLegend } from "./legend.ts";
import { chartGeneName, list, plural, shorten, signed } from "./wording.ts";

const GENES_DRAWN_EACH_WAY = 10;
export const PATHWAYS_DRAWN = 12;
const BOTTOM = 44;

/**
 * Bars of log2 fold change, the strongest of each direction; expected targets carry a diamond.
 * Very long bars are cut; the figure beside each bar is the true value.
 */
export async function geneChart(genes: readonly TopGene[], size: ChartSize): Promise<Chart> {
  const rowHeight = 21;
  const drawn = [...strongest(genes, "up"), ...strongest(genes, "down")];
  const plain: ChartFrame = {
    width: size === "wide" ? 400 : 130,
    height: drawn.length * rowHeight,
    padding: {
      left: size === "wide" ? 190 : 134,
      right: size === "wide" ? 70 : 60,
      top: 4,
      bottom: BOTTOM,
    },
  };
  const { frame, layers: legend } = withLegend(plain, [
    { text: "up", mark: "square", colour: COLOURS.up },
    { text: "down", mark: "square", colour: COLOURS.down },
    { text: "expected target", mark: "diamond", colour: COLOURS.ink, hollow: true },
  ]);
  const sizes = drawn.map(({ log2_fold_change: lfc }) => Math.abs(lfc)).toSorted((a, b) => a - b);
  const limit = Math.min(sizes.at(-1) ?? 1, 2 * (sizes[Math.floor(sizes.length * 0.75)] ?? 1));
  const lengths = drawn.map(({ log2_fold_change: lfc }) => Math.max(-limit, Math.min(limit, lfc)));
  const domain = [Math.min(0, ...lengths), Math.max(0, ...lengths)];
  const rows = drawn.map((gene, i) => ({
    row: i + 0.5,
    top: i + 0.16,
    bottom: i + 0.84,
    lfc: lengths[i] ?? 0,
    value: signed(gene.log2_fold_change),
    zero: 0,
    text: size === "wide" ? chartGeneName(gene.gene) : shorten(chartGeneName(gene.gene), 10),
    colour: COLOURS[gene.direction],
    target: gene.is_target,
  }));
  const x = {
    field: "lfc",
    type: "quantitative" as const,
    scale: { domain, nice: false },
    axis: {
      title: "log2 fold change",
      tickCount: size === "wide" ? 6 : 3,
      ticks: false,
      domain: false,
    },
  };
  const y = rowScale("row", drawn.length);
  const svg = await renderLayers(frame, [
    ...legend,
    {
      data: { values: rows },
      mark: { type: "rect" },
      encoding: {
        x,
        x2: { field: "zero" },
        y: rowScale("top", drawn.length),
        y2: { field: "bottom" },
        color: { field: "colour", type: "nominal", scale: null },
      },
    },
    {
      data: { values: rows },
      mark: { type: "text", align: "right", baseline: "middle", dx: -56 },
      encoding: { x: { value: 0 }, y, text: { field: "text" } },
    },
    ...([1, -1] as const).map((side) => ({
      data: { values: rows.filter(({ lfc }) => (side === 1 ? lfc >= 0 : lfc < 0)) },
      mark: {
        type: "text" as const,
        align: side === 1 ? ("left" as const) : ("right" as const),
        baseline: "middle" as const,
        dx: 10 * side,
        color: COLOURS.soft,
      },
      encoding: { x, y, text: { field: "value", type: "nominal" as const } },
    })),
    {
      data: { values: rows.filter(({ target }) => target) },
      mark: {
        type: "point",
        shape: "diamond",
        size: 80,
        filled: true,
        fill: "#ffffff",
        stroke: COLOURS.ink,
        strokeWidth: 1.4,
        opacity: 1,
      },
      encoding: { x, y },
    },
  ]);
  const label = `Bar chart of the log2 fold change of ${plural(drawn.length, "gene")}: ${list(drawn.map(({ gene }) => gene))}.`;
  return { svg, label };
}

function strongest(genes: readonly TopGene[], direction: TopGene["direction"]): readonly TopGene[] {
  return genes.filter((gene) => gene.direction === direction).slice(0, GENES_DRAWN_EACH_WAY);
}

/** Bars of -log10 adjusted p under the name of each pathway, in the given order. */
export async function pathwayChart(
  pathways: readonly EnrichedPathway[],
  size: ChartSize,
): Promise<Chart> {
  const rowHeight = 36;
  const drawn = pathways.slice(0, PATHWAYS_DRAWN);
  const { frame, layers: legend } = withLegend(
    {
      width: size === "wide" ? 600 : 300,
      height: drawn.length * rowHeight,
      padding: { left: 10, right: size === "wide" ? 24 : 14, top: 4, bottom: BOTTOM },
    },
    [
      { text: "among genes going up", mark: "square", colour: COLOURS.up },
      { text: "among genes going down", mark: "square", colour: COLOURS.down },
    ],
  );
  const smallest = drawn.reduce(
    (least, { p_adjusted: p }) => (p > 0 ? Math.min(least, p) : least),
    0.05,
  );
  const limit = -Math.log10(smallest) * 1.05;
  const rows = drawn.map((pathway, i) => ({
    name: i + 0.3,
    top: i + 0.56,
    bottom: i + 0.86,
    zero: 0,
    significance: pathway.p_adjusted > 0 ? -Math.log10(pathway.p_adjusted) : limit,
    text: shorten(pathway.name, size === "wide" ? 62 : 30),
    genes: `${pathway.overlap} of ${pathway.pathway_size} genes`,
    colour: COLOURS[pathway.direction],
  }));
  const x = {
    field: "significance",
    type: "quantitative" as const,
    scale: { domain: [0, limit], nice: false },
    axis: {
      title: "−log10 adjusted p",
      tickCount: size === "wide" ? 6 : 4,
      ticks: false,
      domain: false,
    },
  };
  const y = rowScale("name", drawn.length);
  const svg = await renderLayers(frame, [
    ...legend,
    {
      data: { values: rows },
      mark: { type: "rect" },
      encoding: {
        x,
        x2: { field: "zero" },
        y: rowScale("top", drawn.length),
        y2: { field: "bottom" },
        color: { field: "colour", type: "nominal", scale: null },
      },
    },
    {
      data: { values: rows },
      mark: { type: "text", align: "left", baseline: "middle" },
      encoding: { x: { value: 0 }, y, text: { field: "text" } },
    },
    {
      data: { values: rows },
      mark: { type: "text", align: "right", baseline: "middle", color: COLOURS.soft },
      encoding: { x: { value: frame.width }, y, text: { field: "genes" } },
    },
  ]);
  const label = `Bar chart of the significance of ${plural(drawn.length, "pathway")}: ${list(drawn.map(({ name }) => name))}.`;
  return { svg, label };
}

/** Rows of unit height from the top; drawn without an axis. */
function rowScale(field: string, rows: number) {
  return {
    field,
    type: "quantitative" as const,
    scale: { domain: [rows, 0], nice: false, zero: false },
    axis: null,
  };
}
