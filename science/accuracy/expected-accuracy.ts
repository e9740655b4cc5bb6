import type { OpenAtlas } from "../atlas/atlas-index.ts";
import { pooledProfile } from "../prompting/control-similarity.ts";
import type { PromptCandidate } from "../prompting/prompt-plan.ts";
import { findQueryCells } from "../prompting/query-cells.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { pearson } from "../statistics/correlation.ts";
import type { ExpectedAccuracy } from "./accuracy-schema.ts";
import { LEAST_CELLS } from "./measured-units.ts";
import { predictionInterval } from "./prediction-interval.ts";
import {
  mixtureOf,
  shownUnits,
  sourcesFor,
  type AtlasEvidence,
  type ShownUnits,
} from "./shown-units.ts";
import { expectedOfDonors, expectedOfTypes, transfer, type Expectation } from "./transfer.ts";

/** Fewer responses say nothing of their spread. */
const LEAST_RESPONSES = 3;

const unknown = (reason: string): ExpectedAccuracy => ({ known: false, reason });

/**
 * A left-out response is predicted as the candidate would be: from the same single source, or from
 * the others weighted anew by how their controls resemble its own. One half of its controls is
 * compared with the others', from the other half it is measured.
 */
export function expectedAccuracy(
  query: StructuredQuery,
  candidate: PromptCandidate,
  { atlases, halves }: AtlasEvidence,
): ExpectedAccuracy {
  if (candidate.stand_in !== undefined)
    return unknown(
      `The prompt stands in for ${query.perturbation.name} with another perturbation, and no measured response tells how alike the two are.`,
    );
  const shown = shownUnits(query, candidate, { atlases, halves });
  if (shown === null) return unknown("The prompt's cells are in no atlas that may be seen.");
  const { units, byDonor } = shown;
  const expect = byDonor ? expectedOfDonors(units) : expectedOfTypes;
  const asked = askedExpectation(query, { candidate, shown, atlases, expect });
  const source = singleSource(shown);
  const found = units.flatMap((target) => {
    const predicted = transfer(target, sourcesFor(target, units), { source, expect });
    if (predicted === null) return [];
    const r = pearson(predicted.delta, target.truth);
    const shift = asked === null ? 0 : asked - predicted.expected;
    return Number.isNaN(r) ? [] : [{ r, shift, cluster: target.cellType }];
  });
  if (found.length < LEAST_RESPONSES) {
    const left = byDonor ? "donors" : "cell types";
    return unknown(
      `The atlas can leave out ${found.length === 0 ? "no" : found.length} ${left} of ${LEAST_CELLS} cells and more under ${shown.groups[0]!.group.perturbation} and predict them as it does the asked one; it takes ${LEAST_RESPONSES} to tell.`,
    );
  }
  return {
    known: true,
    ...predictionInterval(found),
    left_out: byDonor ? "donors" : "cell types",
    responses: found.length,
  };
}

/** The one source of a prompt; null for a mixture. */
function singleSource({ groups, byDonor }: ShownUnits): string | null {
  const names = new Set(groups.map(({ group }) => (byDonor ? group.donor : group.cell_type)));
  return names.size === 1 ? [...names][0]! : null;
}

/** What the sources of the prompt let expect of the asked cells; null where they cannot be compared. */
function askedExpectation(
  query: StructuredQuery,
  {
    candidate,
    shown,
    atlases,
    expect,
  }: {
    readonly candidate: PromptCandidate;
    readonly shown: ShownUnits;
    readonly atlases: readonly OpenAtlas[];
    readonly expect: Expectation;
  },
): number | null {
  const asked = findQueryCells(query, atlases);
  if (asked.atlas !== shown.atlas) return null;
  const mixture = mixtureOf(candidate, shown);
  if (mixture === null) return null;
  const { sources, weights } = mixture;
  const expected = expect(pooledProfile(shown.atlas, asked.groups), sources, weights);
  return Number.isNaN(expected) ? null : expected;
}
