import type { PathwayEntry } from "../knowledge/knowledge.ts";
import type { Direction, ExpectedPathway } from "../query/structured-query.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";
import { pValue } from "../statistics/p-value.ts";
import type { EnrichedPathway, EvidenceRow } from "./grounding.ts";
import { clamp01, unmeasured } from "./component.ts";
import type { Finding } from "./component.ts";
import { excessShare, signOf } from "./expectation.ts";
import type { Expected } from "./expectation.ts";
import type { Response } from "./response.ts";

const NAME = "pathway_coherence";
const MIN_MEASURED_GENES = 5;
/** An adjusted p of 10^-4 counts as full significance. */
const FULL_SIGNIFICANCE = 4;
/** Pathways respond in part: half of the genes moving beyond the background is a full effect. */
const FULL_EFFECT = 0.5;
const SIGNIFICANT = 0.05;

interface Judged {
  readonly pathway: ExpectedPathway;
  readonly members: readonly Expected[];
  readonly right: EnrichedPathway | undefined;
  readonly wrong: EnrichedPathway | undefined;
  readonly strength: number;
}

/**
 * Are the pathways known to respond over-represented among the genes that move the expected way,
 * and not the other way? Each pathway has strength S * E: S = (-log10 adjusted p the expected way +
 * log10 adjusted p the other way) / 4, E = the excess share of its genes moving as expected / 0.5,
 * both clamped to 0..1. The component is the mean over pathways.
 */
export function pathwayCoherence(
  expectedPathways: readonly ExpectedPathway[],
  pathways: readonly PathwayEntry[],
  enriched: readonly EnrichedPathway[],
  response: Response,
): Finding {
  if (expectedPathways.length === 0)
    return unmeasured(
      NAME,
      "The knowledge names no pathway expected to respond to this perturbation.",
    );
  const judged = expectedPathways.flatMap((expected) =>
    judge(expected, pathways, enriched, response),
  );
  if (judged.length === 0) {
    return unmeasured(
      NAME,
      `None of the ${expectedPathways.length} expected pathways has ${MIN_MEASURED_GENES} measured genes.`,
    );
  }
  const supported = judged.filter(({ right, strength }) => strength > 0 && isSignificant(right));
  return {
    name: NAME,
    strength: judged.reduce((sum, { strength }) => sum + strength, 0) / judged.length,
    reason: `${supported.length} of ${judged.length} expected pathways are enriched in the expected direction.`,
    evidence: judged.map(evidenceRow),
    feedback: judged.flatMap(feedbackOn),
  };
}

function judge(
  expected: ExpectedPathway,
  pathways: readonly PathwayEntry[],
  enriched: readonly EnrichedPathway[],
  response: Response,
): Judged[] {
  const entry = pathways.find(({ id }) => id === expected.id);
  const sign = signOf(expected.direction);
  const genes = new Set(
    (entry?.genes ?? []).flatMap((gene) => response.position.get(geneSymbol(gene)) ?? []),
  );
  if (genes.size < MIN_MEASURED_GENES) return [];
  const members = [...genes].map((gene) => ({ gene, sign }));
  const find = (direction: Direction): EnrichedPathway | undefined =>
    enriched.find((row) => row.id === expected.id && row.direction === direction);
  const right = find(expected.direction);
  const wrong = find(opposite(expected.direction));
  const significance = clamp01((evidenceOf(right) - evidenceOf(wrong)) / FULL_SIGNIFICANCE);
  const effect = clamp01(excessShare(members, response) / FULL_EFFECT);
  return [{ pathway: expected, members, right, wrong, strength: significance * effect }];
}

function evidenceRow({ pathway, members, right, wrong, strength }: Judged, i: number): EvidenceRow {
  const describe = (row: EnrichedPathway | undefined): string =>
    `${row?.overlap ?? 0} of ${members.length} genes, adjusted p ${pValue(row?.p_adjusted ?? 1)}`;
  return {
    id: `P${i + 1}`,
    component: NAME,
    statement: `${pathway.name} is expected ${pathway.direction}: ${pathway.direction} ${describe(right)}; ${opposite(pathway.direction)} ${describe(wrong)}.`,
    supports: strength > 0 && isSignificant(right),
    ...(isSignificant(right) || isSignificant(wrong) ? {} : { silent: true as const }),
    source: pathway.source,
  };
}

function feedbackOn({ pathway, right, wrong, strength }: Judged): string[] {
  if (isSignificant(wrong) && evidenceOf(wrong) > evidenceOf(right)) {
    return [
      `${pathway.name} is expected ${pathway.direction} but is enriched among the genes going ${opposite(pathway.direction)}.`,
    ];
  }
  return strength > 0 && isSignificant(right)
    ? []
    : [`${pathway.name} is expected ${pathway.direction} but is not enriched.`];
}

function evidenceOf(row: EnrichedPathway | undefined): number {
  return -Math.log10(Math.max(row?.p_adjusted ?? 1, 1e-300));
}

function isSignificant(row: EnrichedPathway | undefined): boolean {
  return row !== undefined && row.p_adjusted < SIGNIFICANT;
}

function opposite(direction: Direction): Direction {
  return direction === "up" ? "down" : "up";
}
