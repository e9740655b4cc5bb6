import type { ExpectedTarget } from "../query/structured-query.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";
import { twoSidedNormalP } from "../statistics/special-functions.ts";
import type { EvidenceRow } from "./grounding.ts";
import { clamp01, unmeasured } from "./component.ts";
import type { Finding } from "./component.ts";
import { excessShare, shiftOf, signOf } from "./expectation.ts";
import type { Expected } from "./expectation.ts";
import type { Response } from "./response.ts";

const NAME = "target_activation";
const MIN_TARGETS = 3;
/** One-sided p of 10^-3 counts as full significance. */
const FULL_SIGNIFICANCE = 3;
/** Some targets stay still in every cell type: three quarters of the best effect counts as full. */
const FULL_EFFECT = 0.75;

interface Target extends Expected {
  readonly expected: ExpectedTarget;
}

/**
 * Do the genes known to respond move as expected? strength = S * min(1, (A + X) / 2 / 0.75), where
 * A is how far the targets stand out in the ranking of all genes (2 AUC - 1), X the excess share of
 * targets moving as expected, and S = min(1, -log10(one-sided p of A) / 3).
 */
export function targetActivation(
  expectedTargets: readonly ExpectedTarget[],
  response: Response,
): Finding {
  const targets = measuredTargets(expectedTargets, response);
  if (expectedTargets.length === 0)
    return unmeasured(
      NAME,
      "The knowledge names no gene expected to respond to this perturbation.",
    );
  if (targets.length < MIN_TARGETS) {
    return unmeasured(
      NAME,
      `Only ${targets.length} of ${expectedTargets.length} expected genes are measured; at least ${MIN_TARGETS} are needed.`,
    );
  }

  const shift = shiftOf(targets, response);
  const excess = excessShare(targets, response);
  const p = shift.z > 0 ? twoSidedNormalP(shift.z) / 2 : 1;
  const significance = clamp01(-Math.log10(Math.max(p, 1e-300)) / FULL_SIGNIFICANCE);
  const strength =
    significance * clamp01((clamp01(shift.effect) + clamp01(excess)) / 2 / FULL_EFFECT);

  const right = targets.filter((target) => response.change[target.gene] === target.sign);
  const wrong = targets.filter((target) => response.change[target.gene] === -target.sign);
  const still = targets.filter((target) => response.change[target.gene] === 0);
  return {
    name: NAME,
    strength,
    reason: `${right.length} of ${targets.length} measured targets respond as expected, ${wrong.length} the other way (AUC ${((shift.effect + 1) / 2).toFixed(2)}).`,
    evidence: targets.map((target, i) => evidenceRow(target, i, response)),
    feedback: [
      ...(wrong.length > 0 ? [`These expected targets move the wrong way: ${names(wrong)}.`] : []),
      ...(still.length > 0 ? [`These expected targets do not respond: ${names(still)}.`] : []),
    ],
  };
}

/** The expected genes that are measured, each once. */
export function measuredTargets(
  expectedTargets: readonly ExpectedTarget[],
  response: Response,
): Target[] {
  const seen = new Set<number>();
  return expectedTargets.flatMap((expected) => {
    const gene = response.position.get(geneSymbol(expected.gene));
    if (gene === undefined || seen.has(gene)) return [];
    seen.add(gene);
    return [{ expected, gene, sign: signOf(expected.direction) }];
  });
}

function evidenceRow({ expected, gene, sign }: Target, i: number, response: Response): EvidenceRow {
  const change = response.change[gene]!;
  const moved = change > 0 ? "is up" : "is down";
  const seen = change === 0 ? "does not change significantly" : moved;
  const delta = response.delta[gene]!;
  return {
    id: `T${i + 1}`,
    component: NAME,
    statement: `${expected.gene} is expected ${expected.direction} and ${seen} (mean log difference ${delta >= 0 ? "+" : ""}${delta.toFixed(2)}).`,
    supports: change === sign,
    ...(change === 0 ? { silent: true as const } : {}),
    source: expected.source,
  };
}

function names(targets: readonly Target[]): string {
  const shown = targets
    .slice(0, 6)
    .map((target) => target.expected.gene)
    .join(", ");
  return targets.length > 6 ? `${shown} and ${targets.length - 6} more` : shown;
}
