import type { Direction } from "../query/structured-query.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";
import { clamp01, unmeasured } from "./component.ts";
import type { Finding } from "./component.ts";
import { signOf } from "./expectation.ts";
import type { EnrichedPathway } from "./grounding.ts";
import type { Response } from "./response.ts";

const NAME = "literature_support";
const SIGNIFICANT = 0.05;
/** Worth of a prediction that articles support without saying the direction. */
const WITHOUT_DIRECTION = 0.5;

/** What a search of the literature found on one gene or pathway under the perturbation. */
export interface LiteratureFinding {
  /** Symbol of the gene, or name of the pathway. */
  readonly gene: string;
  /** "gene" when left out. */
  readonly kind?: "gene" | "pathway";
  /** The direction the articles report; null when they report a response without direction. */
  readonly direction: Direction | null;
  /** Citations, e.g. "PMID:12345678"; empty when the search found none. */
  readonly citations: readonly string[];
}

/** Why a configured literature source gave nothing. */
export interface LiteratureTrouble {
  readonly unavailable: string;
}

type Verdict = "agrees" | "contradicts" | "silent";

/**
 * strength = (sum over genes and pathways searched for) / their number, clamped to 0..1, where one
 * that moves as articles say counts 1 (0.5 when they give no direction), one that does not move or
 * has no article 0, and one that moves against them -1: a contradiction weighs more than an
 * absence.
 */
export function literatureSupport(
  literature: readonly LiteratureFinding[] | LiteratureTrouble | null,
  response: Response,
  enriched: readonly EnrichedPathway[],
): Finding {
  if (literature === null) return unmeasured(NAME, "No literature source is configured.");
  if ("unavailable" in literature) return unmeasured(NAME, literature.unavailable);
  const judged = literature.flatMap((finding) => {
    const sign =
      finding.kind === "pathway"
        ? pathwaySign(finding.gene, enriched)
        : geneSign(finding.gene, response);
    return sign === null ? [] : [{ finding, sign, verdict: verdictOn(finding, sign) }];
  });
  if (judged.length === 0)
    return unmeasured(NAME, "The literature search found nothing about the measured genes.");
  const worth = judged.map(({ finding, verdict }) => worthOf(finding, verdict));
  const agreeing = judged.filter(({ verdict }) => verdict === "agrees");
  const against = judged.filter(({ verdict }) => verdict === "contradicts");
  return {
    name: NAME,
    strength: clamp01(worth.reduce((sum, one) => sum + one, 0) / judged.length),
    reason: `The literature supports ${agreeing.length} and contradicts ${against.length} of ${judged.length} genes and pathways searched for.`,
    evidence: judged.map(({ finding, sign, verdict }, i) => ({
      id: `L${i + 1}`,
      component: NAME,
      statement: `${finding.gene} ${movement(sign)}; ${reported(finding)}.`,
      supports: verdict === "agrees",
      ...(verdict === "silent" ? { silent: true as const } : {}),
      source: finding.citations.join(", ") || "literature search without a hit",
    })),
    feedback: against.map(
      ({ finding, sign }) =>
        `${finding.gene} moves ${sign > 0 ? "up" : "down"}, against what articles report (${finding.citations.join(", ")}).`,
    ),
  };
}

function verdictOn({ citations, direction }: LiteratureFinding, sign: number): Verdict {
  if (citations.length === 0 || sign === 0) return "silent";
  return direction === null || signOf(direction) === sign ? "agrees" : "contradicts";
}

function worthOf({ direction }: LiteratureFinding, verdict: Verdict): number {
  if (verdict === "silent") return 0;
  if (verdict === "contradicts") return -1;
  return direction === null ? WITHOUT_DIRECTION : 1;
}

function movement(sign: number): string {
  if (sign === 0) return "does not change";
  return sign > 0 ? "is up" : "is down";
}

/** 1, -1 or 0; null when the gene is not measured. */
function geneSign(symbol: string, response: Response): number | null {
  const gene = response.position.get(geneSymbol(symbol));
  return gene === undefined ? null : response.change[gene]!;
}

/** The direction in which the pathway is enriched most, 0 when in none. */
function pathwaySign(name: string, enriched: readonly EnrichedPathway[]): number {
  const best = enriched
    .filter((row) => row.name === name)
    .toSorted((a, b) => a.p_adjusted - b.p_adjusted)[0];
  return best !== undefined && best.p_adjusted < SIGNIFICANT ? signOf(best.direction) : 0;
}

function reported({ citations, direction }: LiteratureFinding): string {
  if (citations.length === 0) return "no article names it with the perturbation";
  return `articles name it with the perturbation${direction === null ? ", without a direction in their titles" : ` and report it ${direction}`}`;
}
