import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Eta } from "eta";
import { ownFile } from "../../own-files.ts";
import type { DifferentialExpression, GroundingScore } from "../grounding/grounding.ts";
import { FOLD_CHANGE_PSEUDOCOUNT } from "../response/predicted-response.ts";
import { answerInWords } from "./answer.ts";
import { geneChart, PATHWAYS_DRAWN, pathwayChart } from "./bar-charts.ts";
import { enrichedPathways } from "./enriched-pathways.ts";
import { COMPONENT_MARKS, iterationChart } from "./iteration-chart.ts";
import { basisFacts, restsOn } from "./rests-on.ts";
import type { RunResult } from "./result.ts";
import { deliveredIteration, jobLedger, targetTest } from "./result.ts";
import { volcanoChart } from "./volcano-chart.ts";
import * as wording from "./wording.ts";

const TEMPLATES = ownFile("science/report/templates");
/** A language model's score further from the computed one than this is pointed out. */
const DISAGREEMENT = 3;
const GENES_LISTED = 30;

const eta = new Eta({ views: TEMPLATES, cache: true });
const css = readFileSync(join(TEMPLATES, "report.css"), "utf8");
const cssHash = createHash("sha256").update(css).digest("base64");

/**
 * The report a scientist reads: one self-contained HTML page (well-formed XML too), no script,
 * nothing loaded from anywhere. `de` is over all genes of the delivered prediction. The same input
 * gives the same bytes.
 * Errors: INTERNAL when the delivered iteration is missing.
 */
export async function renderReport(
  input: RunResult,
  differential: DifferentialExpression,
): Promise<string> {
  const result = wording.cleanTexts(input);
  const de = { ...differential, genes: wording.cleanTexts(differential.genes) };
  const delivered = deliveredIteration(result);
  const { top_genes: genes, grounding } = delivered;
  const pathways = enrichedPathways(delivered, de.genes);
  const [volcano, iterations, topGenes, enriched] = await Promise.all([
    volcanoChart(de, genes, targetTest(result.structured_query)),
    iterationChart(result.iterations, result.config.score_threshold),
    geneChart(genes),
    pathwayChart(pathways.standing),
  ]);
  const everMeasured = new Set<string>(
    result.iterations.flatMap((iteration) =>
      iteration.grounding.components.filter(({ score }) => score !== null).map(({ name }) => name),
    ),
  );
  return eta.render("./report", {
    css,
    cssHash,
    result,
    delivered,
    query: result.structured_query,
    answer: answerInWords(result, de),
    basis: restsOn(basisFacts(result)),
    charts: { volcano, iterations, topGenes, enriched },
    genes: genes.slice(0, GENES_LISTED),
    pathways: pathways.listed,
    pathwayNotes: pathways.notes,
    pathwaysDrawn: Math.min(PATHWAYS_DRAWN, pathways.standing.length),
    isJudged: grounding.components.some(({ score }) => score !== null),
    modelScores: modelScores(grounding),
    evidence: {
      shown: grounding.evidence.filter(({ supports }) => !supports),
      folded: grounding.evidence.filter(({ supports }) => supports),
    },
    unmeasured: grounding.components.filter(({ score }) => score === null),
    file: `${result.run_id}_predictions.h5ad`,
    marks: Object.entries(COMPONENT_MARKS).filter(([name]) => everMeasured.has(name)),
    pseudocount: FOLD_CHANGE_PSEUDOCOUNT,
    ledger: jobLedger(result),
    wording,
  });
}

function modelScores({ model_scores, components }: GroundingScore) {
  return (model_scores?.components ?? []).map(({ name, score, cited, reason }) => {
    const computed = components.find((component) => component.name === name)?.score ?? score;
    return {
      title: wording.COMPONENT_TITLES[name],
      score,
      computed,
      cited,
      reason,
      disagrees: Math.abs(score - computed) > DISAGREEMENT,
    };
  });
}
