import { Eta } from "eta";
import type { DifferentialExpression, GroundingScore } from "../grounding/grounding.ts";
import type { CellMap } from "../response/cell-map.ts";
import { FOLD_CHANGE_PSEUDOCOUNT } from "../response/predicted-response.ts";
import { answerInWords } from "./answer.ts";
import { enrichedPathways } from "./enriched-pathways.ts";
import { figuresOf } from "./figures.ts";
import { renderFindings } from "./findings.ts";
import { foundSentence } from "./found.ts";
import { methodsInWords } from "./methods.ts";
import { SCRIPT, STYLE, TEMPLATES } from "./page-parts.ts";
import { referencesOf } from "./references.ts";
import type { RunResult } from "./result.ts";
import { deliveredIteration, jobLedger } from "./result.ts";
import { basisFacts, restsOn } from "./rests-on.ts";
import { linkedSource } from "./source-links.ts";
import * as wording from "./wording.ts";

/** A language model's score further from the computed one than this is pointed out. */
const DISAGREEMENT = 3;
const GENES_LISTED = 30;

const eta = new Eta({ views: TEMPLATES, cache: true });

/**
 * The report a scientist reads, and its twin for programs. The page is one self-contained HTML file
 * (well-formed XML too) that loads nothing; its one script, named by its hash in the page's own policy,
 * sorts tables and saves figures, and nothing is missing without it. `de` is over all genes of the
 * delivered prediction, `map` of its cells. The same input gives the same bytes.
 * Errors: INTERNAL when the delivered iteration is missing.
 */
export async function renderReport(
  input: RunResult,
  differential: DifferentialExpression,
  map: CellMap | null = null,
): Promise<{ readonly html: string; readonly json: string }> {
  const result = wording.cleanTexts(input);
  const de = { ...differential, genes: wording.cleanTexts(differential.genes) };
  const delivered = deliveredIteration(result);
  const { top_genes: genes, grounding } = delivered;
  const pathways = enrichedPathways(delivered, de.genes);
  const figures = await figuresOf(result, { de, pathways: pathways.standing, map });
  const said = {
    answer: answerInWords(result, de),
    rests_on: restsOn(basisFacts(result)),
    methods: methodsInWords(result, de),
    references: referencesOf(result),
  };
  const html = eta.render("./report", {
    style: STYLE,
    script: SCRIPT,
    result,
    delivered,
    query: result.structured_query,
    ...said,
    figures: Object.fromEntries(figures.map((figure) => [figure.id, figure])),
    genes: genes.slice(0, GENES_LISTED),
    pathways: pathways.listed,
    pathwayNotes: pathways.notes,
    isJudged: grounding.components.some(({ score }) => score !== null),
    modelScores: modelScores(grounding),
    evidence: {
      against: grounding.evidence.filter(({ supports, silent }) => !supports && silent !== true),
      unseen: grounding.evidence.filter(({ supports, silent }) => !supports && silent === true),
      support: grounding.evidence.filter(({ supports }) => supports),
    },
    linkedSource,
    unmeasured: grounding.components.filter(({ score }) => score === null),
    file: `${result.run_id}_predictions.h5ad`,
    pseudocount: FOLD_CHANGE_PSEUDOCOUNT,
    ledger: jobLedger(result),
    wording,
    foundSentence,
  });
  return { html, json: renderFindings(result, { ...said, map, figures }) };
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
