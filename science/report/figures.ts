import type { DifferentialExpression, EnrichedPathway } from "../grounding/grounding.ts";
import type { CellMap } from "../response/cell-map.ts";
import { geneChart, PATHWAYS_DRAWN, pathwayChart } from "./bar-charts.ts";
import type { Chart, ChartSize } from "./chart.ts";
import { iterationChart } from "./iteration-chart.ts";
import { mapChart } from "./map-chart.ts";
import type { RunResult } from "./result.ts";
import { deliveredIteration, targetTest } from "./result.ts";
import { volcanoChart } from "./volcano-chart.ts";
import { groupDigits } from "./wording.ts";

/** A figure of the report, drawn for a desk and for a telephone. */
export interface Figure {
  readonly id: "volcano" | "map" | "genes" | "pathways" | "iterations";
  readonly title: string;
  /** Sentences that hold for both drawings. */
  readonly caption: string;
  readonly drawn: Readonly<Record<ChartSize, Chart & { readonly notes: readonly string[] }>>;
}

const both = async (
  draw: (size: ChartSize) => Promise<Chart & { readonly notes?: readonly string[] }>,
): Promise<Figure["drawn"]> => {
  const [wide, narrow] = await Promise.all([draw("wide"), draw("narrow")]);
  return { wide: { notes: [], ...wide }, narrow: { notes: [], ...narrow } };
};

/** All figures of a report, in its order; what there is nothing to draw of is left out. */
export async function figuresOf(
  result: RunResult,
  {
    de,
    pathways,
    map,
  }: {
    readonly de: DifferentialExpression;
    /** The significant ones that stand for themselves. */
    readonly pathways: readonly EnrichedPathway[];
    readonly map: CellMap | null;
  },
): Promise<readonly Figure[]> {
  const { top_genes: genes } = deliveredIteration(result);
  const isTarget = targetTest(result.structured_query);
  const { iterations, config } = result;
  const figures: Figure[] = [
    {
      id: "volcano",
      title: "Volcano plot",
      caption: "Fold change and adjusted p of all genes.",
      drawn: await both((size) => volcanoChart(de, { topGenes: genes, isTarget, size })),
    },
  ];
  if (map !== null)
    figures.push({
      id: "map",
      title: "Predicted and control cells",
      caption: `The first two principal components of log1p(CP10k) over all genes, of ${map.origin.length === map.of ? "all" : `${groupDigits(map.origin.length)} of the ${groupDigits(map.of)}`} cells of the predictions file. Cells that lie apart differ; near cells may still differ in what these two axes do not show.`,
      drawn: await both((size) => mapChart(map, size)),
    });
  if (genes.length > 0)
    figures.push({
      id: "genes",
      title: "Strongest genes",
      caption:
        "The strongest changes in each direction. Very long bars are cut; the figures are the true values.",
      drawn: await both((size) => geneChart(genes, size)),
    });
  if (pathways.length > 0)
    figures.push({
      id: "pathways",
      title: "Enriched pathways",
      caption: `The ${Math.min(PATHWAYS_DRAWN, pathways.length)} most significant, by adjusted p.`,
      drawn: await both((size) => pathwayChart(pathways, size)),
    });
  figures.push({
    id: "iterations",
    title: "Score by iteration",
    caption: `Delivered: iteration ${result.delivered_iteration}.`,
    drawn: await both((size) => iterationChart(iterations, config.score_threshold, size)),
  });
  return figures;
}
