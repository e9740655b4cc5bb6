import { Eta } from "eta";
import type { GenePoint } from "../validation/judged-target.ts";
import { STYLE, TEMPLATES } from "./page-parts.ts";
import {
  calibrationChart,
  deltaChart,
  targetChart,
  type ChartedTarget,
} from "./validation-charts.ts";
import * as wording from "./wording.ts";

/** Targets whose genes are drawn; a page of more would be slow to open. */
const MOST_SCATTERS = 24;

const eta = new Eta({ views: TEMPLATES, cache: true });

export interface ValidationPage {
  readonly dataset: string;
  readonly seed: number;
  /** Completes "Each target is predicted as a new ...". */
  readonly withheld: string;
  readonly targets: readonly (ChartedTarget & { readonly points: readonly GenePoint[] })[];
  readonly notJudged: readonly { readonly name: string; readonly reason: string }[];
  readonly table: {
    readonly heading: readonly string[];
    readonly rows: readonly (readonly string[])[];
  };
  /** What the columns mean. */
  readonly meanings: readonly { readonly heading: string; readonly meaning: string }[];
  /** Arc's vcc2026 suite, a row a metric; none where no target was judged. */
  readonly vcc2026: readonly {
    readonly metric: string;
    readonly meaning: string;
    /** Scaled; of the prediction, the mean response and a repeated experiment. */
    readonly figures: readonly string[];
  }[];
}

/**
 * The report of a validation: one self-contained HTML page, no script, nothing loaded from anywhere.
 * The same input gives the same bytes.
 */
export async function renderValidationReport(input: ValidationPage): Promise<string> {
  const page = wording.cleanTexts(input);
  const scatters = [];
  for (const { name, points } of page.targets.slice(0, MOST_SCATTERS))
    scatters.push({ name, ...(await deltaChart(name, points)) });
  return eta.render("./validation", {
    style: STYLE,
    page,
    wording,
    bars: page.targets.length === 0 ? null : await targetChart(page.targets),
    calibration: page.targets.some(({ expected }) => expected !== null)
      ? await calibrationChart(page.targets)
      : null,
    scatters,
    notDrawn: page.targets.length - scatters.length,
  });
}
