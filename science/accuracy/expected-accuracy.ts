import type { OpenAtlas } from "../atlas/atlas-index.ts";
import { pooledProfile } from "../prompting/control-similarity.ts";
import { mixedParts } from "../prompting/mixed-prompts.ts";
import type { PromptCandidate } from "../prompting/prompt-plan.ts";
import { findQueryCells } from "../prompting/query-cells.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { pearson } from "../statistics/correlation.ts";
import type { ExpectedAccuracy } from "./accuracy-schema.ts";
import { LEAST_CELLS, type Source, type Unit } from "./measured-units.ts";
import { predictionInterval, type LeftOut } from "./prediction-interval.ts";
import {
  mixtureOf,
  shownUnits,
  sourcesFor,
  type AtlasEvidence,
  type ShownUnits,
} from "./shown-units.ts";
import {
  expectedOfDonors,
  expectedOfTypes,
  mixed,
  transfer,
  type Expectation,
  type Transferred,
} from "./transfer.ts";

/** Fewer responses say nothing of their spread. */
const LEAST_RESPONSES = 3;

const unknown = (reason: string): ExpectedAccuracy => ({ known: false, reason });

/**
 * A left-out response is predicted as the candidate would be: from the same single source, or from
 * the others weighted anew by how their controls resemble its own. One half of its controls is
 * compared with the others', from the other half it is measured.
 */
export const expectedAccuracy = (
  query: StructuredQuery,
  candidate: PromptCandidate,
  evidence: AtlasEvidence,
): ExpectedAccuracy => summarised(leaveOut(query, [candidate], evidence));

/** What came of leaving out measured responses in turn. */
export interface LeftOutResponses {
  readonly found: ReadonlyMap<Unit, LeftOut>;
  /** What was left out, and under which perturbation; or why nothing could be. */
  readonly told:
    | { readonly byDonor: boolean; readonly perturbation: string }
    | { readonly reason: string };
}

const none = (reason: string): LeftOutResponses => ({ found: new Map(), told: { reason } });

/** Each predicted by the mean of what the candidates predict; costs their sources a response. */
export function leaveOut(
  query: StructuredQuery,
  candidates: readonly PromptCandidate[],
  { atlases, halves }: AtlasEvidence,
): LeftOutResponses {
  const standIn = candidates.find(({ stand_in }) => stand_in !== undefined);
  if (standIn !== undefined)
    return none(
      `The prompt stands in for ${query.perturbation.name} with another perturbation, and no measured response tells how alike the two are.`,
    );
  const members = candidates.flatMap((each) => shownUnits(query, each, { atlases, halves }) ?? []);
  const [first] = members;
  if (first === undefined || members.length < candidates.length)
    return none("The prompt's cells are in no atlas that may be seen.");
  const { units, byDonor, atlas } = first;
  if (members.some((each) => each.atlas !== atlas || each.byDonor !== byDonor))
    return none("The prompts show responses that cannot be compared.");
  const parts = mixedParts(candidates.map((each) => each.parts));
  const shown = shownUnits(query, { parts }, { atlases, halves }) ?? first;
  const expect = byDonor ? expectedOfDonors(units) : expectedOfTypes;
  const asked = askedExpectation(query, { parts, shown, atlases, expect });
  const sources = members.map(singleSource);
  const found = units.flatMap((target) => {
    const predicted = sources.flatMap(
      (source) => transfer(target, sourcesFor(target, units), source) ?? [],
    );
    if (predicted.length < members.length) return [];
    const { delta, expected } = meanOf(target, predicted, expect);
    const r = pearson(delta, target.truth);
    const shift = asked === null ? 0 : asked - expected;
    return Number.isNaN(r) ? [] : [[target, { r, shift, cluster: target.cellType }] as const];
  });
  return {
    found: new Map(found),
    told: { byDonor, perturbation: first.groups[0]!.group.perturbation },
  };
}

/** The mean of predictions of one target, and what its sources let expect of it. */
function meanOf(
  target: Unit,
  predicted: readonly Transferred[],
  expect: Expectation,
): { readonly delta: Float64Array; readonly expected: number } {
  const shares = new Map<Source, number>();
  for (const { sources, weights } of predicted)
    sources.forEach((source, at) => {
      shares.set(source, (shares.get(source) ?? 0) + weights[at]! / predicted.length);
    });
  const [sources, weights] = [[...shares.keys()], [...shares.values()]];
  return { delta: mixed(sources, weights), expected: expect(target.query, sources, weights) };
}

export function summarised({ found, told }: LeftOutResponses): ExpectedAccuracy {
  if ("reason" in told) return unknown(told.reason);
  const left = told.byDonor ? "donors" : "cell types";
  if (found.size < LEAST_RESPONSES)
    return unknown(
      `The atlas can leave out ${found.size === 0 ? "no" : found.size} ${left} of ${LEAST_CELLS} cells and more under ${told.perturbation} and predict them as it does the asked one; it takes ${LEAST_RESPONSES} to tell.`,
    );
  return {
    known: true,
    ...predictionInterval([...found.values()]),
    left_out: left,
    responses: found.size,
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
    parts,
    shown,
    atlases,
    expect,
  }: {
    readonly parts: PromptCandidate["parts"];
    readonly shown: ShownUnits;
    readonly atlases: readonly OpenAtlas[];
    readonly expect: Expectation;
  },
): number | null {
  const asked = findQueryCells(query, atlases);
  if (asked.atlas !== shown.atlas) return null;
  const mixture = mixtureOf({ parts }, shown);
  if (mixture === null) return null;
  const { sources, weights } = mixture;
  const expected = expect(pooledProfile(shown.atlas, asked.groups), sources, weights);
  return Number.isNaN(expected) ? null : expected;
}
