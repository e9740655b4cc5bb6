import type { Direction } from "../query/structured-query.ts";
import { geneSymbol } from "../statistics/gene-symbol.ts";
import { unmeasured } from "./component.ts";
import type { Finding } from "./component.ts";
import { signOf } from "./expectation.ts";
import type { Response } from "./response.ts";

const NAME = "literature_support";

/** What a search of the literature found on one gene under the perturbation. */
export interface LiteratureFinding {
  readonly gene: string;
  /** The direction the articles report; null when they report a response without direction. */
  readonly direction: Direction | null;
  /** Citations, e.g. "PMID:12345678"; empty when the search found none. */
  readonly citations: readonly string[];
}

/** Share of the searched and measured genes with at least one citation whose predicted change agrees with it. */
export function literatureSupport(literature: readonly LiteratureFinding[] | null, response: Response): Finding {
  if (literature === null) return unmeasured(NAME, "No literature source is configured.");
  const judged = literature.flatMap((finding) => {
    const gene = response.position.get(geneSymbol(finding.gene));
    if (gene === undefined) return [];
    const change = response.change[gene]!;
    const agrees = change !== 0 && (finding.direction === null || signOf(finding.direction) === change);
    return [{ finding, supports: finding.citations.length > 0 && agrees }];
  });
  if (judged.length === 0) return unmeasured(NAME, "The literature search returned nothing on the measured genes.");
  const supported = judged.filter(({ supports }) => supports).length;
  return {
    name: NAME,
    strength: supported / judged.length,
    reason: `The literature supports ${supported} of ${judged.length} genes searched for.`,
    evidence: judged.map(({ finding, supports }, i) => ({
      id: `L${i + 1}`,
      component: NAME,
      statement: `${finding.gene}: ${finding.citations.length} articles, reported direction ${finding.direction ?? "not stated"}.`,
      supports,
      source: finding.citations.join(", ") || "literature search without a hit",
    })),
    feedback: [],
  };
}
