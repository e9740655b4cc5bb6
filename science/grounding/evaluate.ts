import type { AnnData } from "../anndata/anndata.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import type { ControlStrategy, StructuredQuery } from "../query/structured-query.ts";
import type { ExpressionComparison } from "../statistics/differential-expression.ts";
import { enrichment } from "../statistics/enrichment.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";
import { meanProfile } from "../statistics/normalise.ts";
import { composeScore } from "./compose-score.ts";
import type { DifferentialExpression, GroundingScore, TopGene } from "./grounding.ts";
import { literatureSupport } from "./literature-support.ts";
import type { LiteratureFinding, LiteratureTrouble } from "./literature-support.ts";
import { promptSupport } from "./prompt-support.ts";
import { networkCoherence } from "./network-coherence.ts";
import { pathwayCoherence } from "./pathway-coherence.ts";
import { describeResponse, strongestGenes } from "./response.ts";
import type { Response } from "./response.ts";
import { measuredTargets, targetActivation } from "./target-activation.ts";

const TOP_GENES = 50;
const SIGNIFICANT = 0.05;

export interface JudgementInput {
  readonly query: StructuredQuery;
  readonly knowledge: Knowledge;
  readonly controlStrategyEffective: ControlStrategy;
  /** Of the random gene sets of network_coherence. */
  readonly seed: number;
  /** Perturbed cells that the model was shown; without it their number counts as ample. */
  readonly promptCells?: number;
  /** The perturbation of the prompt cells, where it stands in for the asked one. */
  readonly standIn?: string;
  /**
   * The cells whose response was predicted, genes as in the prediction; without them the control
   * prediction counts as faithful.
   */
  readonly queryCells?: AnnData;
  /**
   * What a literature search found, or why it found nothing; left out when no literature source is
   * configured.
   */
  readonly literature?: readonly LiteratureFinding[] | LiteratureTrouble;
}

export interface Evaluation {
  readonly grounding: GroundingScore;
  readonly de: DifferentialExpression;
  readonly topGenes: readonly TopGene[];
}

/**
 * Judges the response of a prediction against known biology; the rules and formulas are in
 * docs/grounding-score.md. Same input and seed give the same result.
 */
export function evaluateResponse(
  comparison: ExpressionComparison,
  input: JudgementInput,
): Evaluation {
  const { query, knowledge } = input;
  const response = describeResponse(comparison);
  const enriched = enrichment(comparison.de, knowledge.pathways);
  const support = promptSupport(
    input.promptCells,
    comparison.meanUntreated ?? comparison.meanControl,
    // The query cells as their own control resemble themselves: that says nothing.
    input.queryCells === undefined || input.controlStrategyEffective === "query_as_control"
      ? undefined
      : meanProfile(input.queryCells.X),
  );
  const findings = [
    pathwayCoherence(query.expected_pathways, knowledge.pathways, enriched, response),
    targetActivation(query.expected_targets, response),
    literatureSupport(input.literature ?? null, response, enriched),
    networkCoherence(knowledge.pathways, query, response, input.seed),
  ].map((finding) => ({
    ...finding,
    strength: finding.strength === null ? null : finding.strength * support.factor,
  }));
  const grounding = composeScore(findings, response, {
    controlStrategy: input.controlStrategyEffective,
    standIn:
      input.standIn === undefined ? null : { name: input.standIn, asked: query.perturbation.name },
    support,
    coverage: {
      measured: measuredTargets(query.expected_targets, response).length,
      expected: new Set(query.expected_targets.map(({ gene }) => geneSymbol(gene))).size,
    },
    significant: comparison.de.p_adjusted.filter((p) => p < SIGNIFICANT).length,
  });
  return {
    grounding,
    de: comparison.de,
    topGenes: topGenes(query, comparison.de, response),
  };
}

/** The DE genes in the order of strongestGenes. */
function topGenes(
  query: StructuredQuery,
  de: DifferentialExpression,
  response: Response,
): TopGene[] {
  const targets = new Set(query.expected_targets.map(({ gene }) => geneSymbol(gene)));
  return strongestGenes(response, TOP_GENES).map((i) => ({
    gene: de.genes[i]!,
    log2_fold_change: de.log2_fold_change[i]!,
    p_adjusted: de.p_adjusted[i]!,
    direction: response.change[i]! > 0 ? "up" : "down",
    is_target: targets.has(response.symbols[i]!),
    delta: response.delta[i]!,
    ...(de.reliability === undefined ? {} : { reliability: de.reliability[i]! }),
  }));
}
