import type { DifferentialExpression, TopGene } from "../grounding/grounding.ts";
import type { Chart, ChartFrame, ChartSize } from "./chart.ts";
import { COLOURS, renderLayers } from "./chart.ts";
import type { Point } from "./label-placement.ts";
import { placeLabels } from "./label-placement.ts";
import { withLegend } from "./legend.ts";
import { chartGeneName, plural } from "./wording.ts";

const FRAMES: Readonly<Record<ChartSize, ChartFrame>> = {
  wide: { width: 620, height: 380, padding: { left: 52, right: 14, top: 12, bottom: 44 } },
  narrow: { width: 262, height: 300, padding: { left: 50, right: 12, top: 10, bottom: 44 } },
};
const MAX_QUIET_POINTS: Readonly<Record<ChartSize, number>> = { wide: 3000, narrow: 1000 };
const MAX_LABELS: Readonly<Record<ChartSize, { readonly top: number; readonly target: number }>> = {
  wide: { top: 12, target: 8 },
  narrow: { top: 6, target: 3 },
};

interface Gene extends Point {
  readonly gene: string;
  readonly class: "up" | "down" | "quiet";
  readonly target: boolean;
}

export interface VolcanoChart extends Chart {
  /**
   * What the drawing leaves out or moves, in sentences; empty when it shows everything as it is.
   */
  readonly notes: readonly string[];
}

/** Log2 fold change against -log10 adjusted p, all genes; expected targets are ringed. */
export async function volcanoChart(
  de: DifferentialExpression,
  {
    topGenes,
    isTarget,
    size,
  }: {
    readonly topGenes: readonly TopGene[];
    readonly isTarget: (gene: string) => boolean;
    readonly size: ChartSize;
  },
): Promise<VolcanoChart> {
  const { frame, layers: legend } = withLegend(FRAMES[size], [
    { text: "counts as up", mark: "circle", colour: COLOURS.up },
    { text: "counts as down", mark: "circle", colour: COLOURS.down },
    { text: "unchanged", mark: "circle", colour: COLOURS.quiet },
    { text: "expected target", mark: "diamond", colour: COLOURS.ink, hollow: true },
    { text: "adjusted p = 0.05", mark: "line", colour: COLOURS.soft },
  ]);
  const { genes, limitX, limitY, notes } = drawableGenes(de, isTarget);
  const quiet = genes.filter((gene) => gene.class === "quiet" && !gene.target);
  const stride = Math.max(1, Math.ceil(quiet.length / MAX_QUIET_POINTS[size]));
  const drawnQuiet = quiet.filter((_, i) => i % stride === 0);
  if (stride > 1)
    notes.push(
      `Of ${plural(quiet.length, "gene")} without significant change, every ${ordinal(stride)} is drawn.`,
    );
  const loud = genes.filter((gene) => gene.class !== "quiet");
  const ringed = genes.filter(({ target }) => target);

  const toPx = ({ x, y }: Point): Point => ({
    x: ((x + limitX) / (2 * limitX)) * frame.width,
    y: (1 - y / limitY) * frame.height,
  });
  const fromPx = ({ x, y }: Point): Point => ({
    x: (x / frame.width) * 2 * limitX - limitX,
    y: (1 - y / frame.height) * limitY,
  });
  const wanted = genesToLabel(genes, topGenes, MAX_LABELS[size]).map((gene) => ({
    text: chartGeneName(gene.gene),
    anchor: toPx(gene),
  }));
  const labels = placeLabels(wanted, [...loud, ...ringed].map(toPx), frame);
  const leaders = labels.flatMap(({ anchor, leader }) =>
    leader === null ? [] : [{ ...fromPx(anchor), endX: fromPx(leader).x, endY: fromPx(leader).y }],
  );

  const x = {
    field: "x",
    type: "quantitative" as const,
    scale: { domain: [-limitX, limitX], nice: false },
    axis: {
      title: "log2 fold change (predicted / control)",
      tickCount: size === "wide" ? 8 : 5,
      grid: false,
    },
  };
  const y = {
    field: "y",
    type: "quantitative" as const,
    scale: { domain: [0, limitY], nice: false },
    axis: { title: "−log10 adjusted p", tickCount: 6, domain: false, ticks: false, titleX: -36 },
  };
  const points = (values: readonly Gene[], colour: string, opacity: number) => ({
    data: { values: values.map((gene) => ({ x: gene.x, y: gene.y })) },
    mark: { type: "circle" as const, size: 26, color: colour, opacity },
    encoding: { x, y },
  });
  const svg = await renderLayers(frame, [
    ...legend,
    {
      data: { values: [{ y: -Math.log10(0.05) }] },
      mark: { type: "rule", color: COLOURS.soft, strokeDash: [3, 3] },
      encoding: { y },
    },
    points(drawnQuiet, COLOURS.quiet, 0.6),
    points(
      loud.filter((gene) => gene.class === "down"),
      COLOURS.down,
      0.8,
    ),
    points(
      loud.filter((gene) => gene.class === "up"),
      COLOURS.up,
      0.8,
    ),
    points(
      ringed.filter((gene) => gene.class === "quiet"),
      COLOURS.quiet,
      1,
    ),
    {
      data: { values: ringed.map((gene) => ({ x: gene.x, y: gene.y })) },
      mark: {
        type: "point",
        shape: "diamond",
        size: 90,
        stroke: COLOURS.ink,
        strokeWidth: 1.4,
        fill: "transparent",
        opacity: 1,
      },
      encoding: { x, y },
    },
    {
      data: { values: leaders },
      mark: { type: "rule", color: COLOURS.soft, strokeWidth: 0.7 },
      encoding: { x, y, x2: { field: "endX" }, y2: { field: "endY" } },
    },
    {
      data: { values: labels.map((label) => ({ text: label.text, ...fromPx(label) })) },
      mark: { type: "text", align: "left", baseline: "middle" },
      encoding: { x, y, text: { field: "text" } },
    },
  ]);
  const up = loud.filter((gene) => gene.class === "up").length;
  const label = `Volcano plot of ${plural(genes.length, "gene")}: ${up} significantly up, ${loud.length - up} significantly down, ${plural(ringed.length, "expected target")} marked.`;
  return { svg, label, notes };
}

function drawableGenes(de: DifferentialExpression, isTarget: (gene: string) => boolean) {
  const notes: string[] = [];
  const tested = de.genes
    .keys()
    .filter((i) => Number.isFinite(de.log2_fold_change[i]) && Number.isFinite(de.p_adjusted[i]))
    .toArray();
  if (tested.length < de.genes.length)
    notes.push(
      `${plural(de.genes.length - tested.length, "gene")} without a test result not drawn.`,
    );
  const smallest = tested.reduce(
    (least, i) => ((de.p_adjusted[i] ?? 0) > 0 ? Math.min(least, de.p_adjusted[i] ?? 1) : least),
    1,
  );
  const significantLfc = tested
    .filter((i) => de.is_de[i] === 1)
    .map((i) => Math.abs(de.log2_fold_change[i] ?? 0))
    .toSorted((a, b) => a - b);
  const typical = significantLfc[Math.floor(significantLfc.length * 0.98)] ?? 0;
  const limitX = 1.08 * Math.max(1, Math.min(significantLfc.at(-1) ?? 0, 1.5 * typical));
  const limitY = 1.06 * Math.max(2, -Math.log10(smallest));
  let moved = 0;
  const genes = tested.map((i): Gene => {
    const lfc = de.log2_fold_change[i] ?? 0;
    const p = de.p_adjusted[i] ?? 1;
    if (Math.abs(lfc) > limitX || p === 0) moved += 1;
    const gene = de.genes[i] ?? "";
    return {
      gene,
      x: Math.max(-limitX, Math.min(limitX, lfc)),
      y: p === 0 ? limitY : -Math.log10(p),
      class: classOf(lfc, de.is_de[i] === 1),
      target: isTarget(gene),
    };
  });
  if (moved > 0) notes.push(`${plural(moved, "gene")} beyond the axes drawn at their edge.`);
  return { genes, limitX, limitY, notes };
}

function classOf(lfc: number, isDe: boolean): Gene["class"] {
  if (!isDe) return "quiet";
  return lfc > 0 ? "up" : "down";
}

/** The top genes of both directions, then further significant targets. */
function genesToLabel(
  genes: readonly Gene[],
  topGenes: readonly TopGene[],
  most: { readonly top: number; readonly target: number },
): readonly Gene[] {
  const byName = new Map(genes.map((gene) => [gene.gene, gene]));
  const top = topGenes
    .slice(0, most.top)
    .map(({ gene }) => byName.get(gene))
    .filter((gene) => gene !== undefined);
  const otherTargets = genes.filter(
    (gene) => gene.target && gene.class !== "quiet" && !top.includes(gene),
  );
  return [...top, ...otherTargets.slice(0, most.target)];
}

function ordinal(n: number): string {
  if (n === 2) return "2nd";
  return n === 3 ? "3rd" : `${n}th`;
}
