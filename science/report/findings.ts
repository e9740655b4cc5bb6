import type { EnrichedPathway, GroundingScore, TopGene } from "../grounding/grounding.ts";
import { geneSetPage } from "../knowledge/gene-sets.ts";
import type { CellMap } from "../response/cell-map.ts";
import type { Answer } from "./answer.ts";
import type { Figure } from "./figures.ts";
import type { Basis } from "./basis.ts";
import type { RunResult } from "./result.ts";
import { deliveredIteration } from "./result.ts";
import { linksIn, type SourceLink } from "./source-links.ts";

/** What the report says, for programs: `{run_id}_report.json`. */
export interface Findings {
  readonly format: "haystack-report/1";
  readonly run_id: string;
  readonly query: string;
  readonly answer: Answer;
  readonly final_score: number;
  readonly confidence: GroundingScore["confidence"];
  readonly components: GroundingScore["components"];
  readonly expected_accuracy: RunResult["expected_accuracy"];
  readonly rests_on: readonly Basis[];
  readonly model: RunResult["model"];
  readonly software: RunResult["software"];
  readonly random_seed: number;
  readonly control_strategy_effective: RunResult["control_strategy_effective"];
  readonly atlas: RunResult["atlas"];
  readonly methods: string;
  readonly references: readonly string[];
  /** By rank. */
  readonly genes: readonly TopGene[];
  /** All that share changed genes, also those that are not significant; most significant first. */
  readonly pathways: readonly (EnrichedPathway & { readonly page: string | null })[];
  readonly evidence: readonly (GroundingScore["evidence"][number] & {
    readonly links: readonly SourceLink[];
  })[];
  readonly map: {
    readonly variance_ratio: readonly number[];
    readonly cells: readonly { readonly origin: string; readonly x: number; readonly y: number }[];
  } | null;
  readonly figures: readonly {
    readonly id: string;
    readonly title: string;
    readonly caption: string;
    readonly label: string;
    readonly wide: string;
    readonly narrow: string;
  }[];
}

/** JSON text with a final newline; the same input gives the same bytes. */
export function renderFindings(
  result: RunResult,
  {
    map,
    figures,
    ...said
  }: Pick<Findings, "answer" | "rests_on" | "methods" | "references"> & {
    readonly map: CellMap | null;
    readonly figures: readonly Figure[];
  },
): string {
  const { grounding, top_genes, enriched } = deliveredIteration(result);
  const { run_id, query, final_score, model, software, random_seed, atlas } = result;
  const rounded = (value: number): number => Number(value.toFixed(4));
  const findings: Findings = {
    format: "haystack-report/1",
    run_id,
    query,
    ...said,
    final_score,
    confidence: grounding.confidence,
    components: grounding.components,
    expected_accuracy: result.expected_accuracy ?? null,
    model,
    software,
    random_seed,
    control_strategy_effective: result.control_strategy_effective,
    atlas,
    genes: top_genes,
    pathways: enriched.map((pathway) => ({ ...pathway, page: geneSetPage(pathway.id) })),
    evidence: grounding.evidence.map((row) => ({ ...row, links: linksIn(row.source) })),
    map:
      map === null
        ? null
        : {
            variance_ratio: map.variance_ratio.map(rounded),
            cells: map.origin.map((origin, i) => ({
              origin,
              x: rounded(map.x[i]!),
              y: rounded(map.y[i]!),
            })),
          },
    figures: figures.map(({ id, title, caption, drawn }) => ({
      id,
      title,
      caption: [caption, ...drawn.wide.notes].join(" "),
      label: drawn.wide.label,
      wide: drawn.wide.svg,
      narrow: drawn.narrow.svg,
    })),
  };
  return `${JSON.stringify(findings, null, 1)}\n`;
}
