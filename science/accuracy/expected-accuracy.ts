import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import { pooledProfile } from "../prompting/control-similarity.ts";
import { krigingWeights } from "../prompting/kriging.ts";
import { groupWeights } from "../prompting/mixture.ts";
import type { PromptCandidate } from "../prompting/prompt-plan.ts";
import { isAskedCellType, perturbedGroups, type LocatedGroup } from "../prompting/retrieval.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { pearson } from "../statistics/correlation.ts";
import type { ExpectedAccuracy } from "./accuracy-schema.ts";
import { predictionInterval } from "./prediction-interval.ts";

/** Fewer responses say nothing of their spread. */
const LEAST_RESPONSES = 3;
/** A response of fewer cells on a side is mostly noise. */
const LEAST_CELLS = 10;
/** The responses of most cells; more cost time and hardly narrow the interval. */
const MOST_RESPONSES = 40;

interface Response {
  readonly cellType: string;
  readonly donor: string | null;
  readonly control: Float64Array;
  readonly delta: Float64Array;
  /** Cells that the difference is worth. */
  readonly cells: number;
}

const unknown = (reason: string): ExpectedAccuracy => ({ known: false, reason });

/**
 * Costs profiles, not cells. `atlases`: what the run may see. A left-out response is predicted as
 * the candidate would be: from the same single source, or from the others weighted anew by how
 * their controls resemble its own. Its own controls enter the measured side alone.
 */
export function expectedAccuracy(
  query: StructuredQuery,
  candidate: PromptCandidate,
  atlases: readonly OpenAtlas[],
): ExpectedAccuracy {
  if (candidate.stand_in !== undefined)
    return unknown(
      `The prompt stands in for ${query.perturbation.name} with another perturbation, and no measured response tells how alike the two are.`,
    );
  const byId = new Map(
    perturbedGroups(atlases).map((located) => [located.group.group_id, located]),
  );
  const shown = candidate.parts.flatMap(({ group_id }) => byId.get(group_id) ?? []);
  const [first] = shown;
  if (first === undefined) return unknown("The prompt's cells are in no atlas that may be seen.");
  const donorsOnly = shown.some(({ group }) => isAskedCellType(query, group));
  const measured = perturbedGroups([first.atlas]).filter(
    ({ group, control }) => group.perturbation === first.group.perturbation && control !== null,
  );
  const responses = responsesOf(first.atlas, measured, donorsOnly)
    .toSorted((a, b) => b.cells - a.cells)
    .slice(0, MOST_RESPONSES);
  const left_out = donorsOnly ? "donors" : "cell types";
  const asked = donorsOnly
    ? responses
    : responses.filter(({ cellType }) => !isAskedLabel(query, cellType));
  const source = sourceOf(shown, donorsOnly);
  const gain = gainOfSources(asked, sourcesOf(candidate, shown, donorsOnly));
  const found = asked.flatMap((target) => {
    const predicted = predict(
      target,
      asked.filter((each) => each !== target && (!donorsOnly || isOtherDonor(each, target))),
      source,
    );
    if (predicted === null) return [];
    const r = pearson(predicted.delta, target.delta) * gain(predicted.sources);
    return Number.isNaN(r) ? [] : [{ r, cellType: target.cellType }];
  });
  if (found.length < LEAST_RESPONSES)
    return unknown(
      `The atlas can leave out ${found.length === 0 ? "no" : found.length} ${left_out} of ${LEAST_CELLS} cells and more under ${first.group.perturbation} and predict them as it does the asked one; it takes ${LEAST_RESPONSES} to tell.`,
    );
  const types = new Set(found.map(({ cellType }) => cellType)).size;
  return {
    known: true,
    ...predictionInterval(
      found.map(({ r }) => r),
      types < LEAST_RESPONSES ? found.length : types,
    ),
    left_out,
    responses: found.length,
  };
}

const isAskedLabel = (query: StructuredQuery, label: string): boolean =>
  query.cell_type.atlas_labels.includes(label);

const isOtherDonor = (each: Response, target: Response): boolean =>
  each.cellType === target.cellType && each.donor !== target.donor;

/** The one source of a prompt; null for a mixture. */
function sourceOf(shown: readonly LocatedGroup[], byDonor: boolean): string | null {
  const names = new Set(shown.map(({ group }) => (byDonor ? group.donor : group.cell_type)));
  return names.size === 1 ? [...names][0]! : null;
}

/** One response a cell type, of all donors; or one a cell type and donor. */
function responsesOf(
  atlas: OpenAtlas,
  measured: readonly LocatedGroup[],
  byDonor: boolean,
): Response[] {
  const count = (groups: readonly CellGroup[]) =>
    groups.reduce((sum, { n_cells }) => sum + n_cells, 0);
  return [
    ...Map.groupBy(measured, ({ group }) =>
      JSON.stringify([group.cell_type, byDonor ? group.donor : null]),
    ).values(),
  ].flatMap((members) => {
    const treated = members.map(({ group }) => group);
    const controls = [...new Set(members.flatMap(({ control }) => control ?? []))];
    if (count(treated) < LEAST_CELLS || count(controls) < LEAST_CELLS) return [];
    const control = pooledProfile(atlas, controls);
    const { cell_type: cellType, donor } = treated[0]!;
    return [
      {
        cellType,
        donor: byDonor ? donor : null,
        control,
        delta: pooledProfile(atlas, treated).map((value, gene) => value - control[gene]!),
        cells: 2 / (1 / count(treated) + 1 / count(controls)),
      },
    ];
  });
}

/** Effective number of responses that a mixture with these shares is of. */
const effective = (shares: readonly number[]): number =>
  1 / shares.reduce((sum, share) => sum + share * share, 0);

function sourcesOf(
  { parts }: PromptCandidate,
  shown: readonly LocatedGroup[],
  byDonor: boolean,
): number {
  const weights = new Map(parts.map(({ group_id, weight }) => [group_id, weight]));
  const unit = ({ group }: LocatedGroup) => (byDonor ? group.donor : group.cell_type);
  return effective(
    [...Map.groupBy(shown, unit).values()].map((members) =>
      members.reduce((sum, { group }) => sum + (weights.get(group.group_id) ?? 0), 0),
    ),
  );
}

/**
 * A left-out response is predicted from fewer others than the asked one, and a mean of fewer carries
 * more of what is their own. If responses share a part S and have own parts of variance e, their
 * correlation is S / (S + e), and a mean of k correlates with a further one in proportion to
 * 1 / sqrt(S + e / k), as in Spearman and Brown (1910).
 */
function gainOfSources(responses: readonly Response[], asked: number): (used: number) => number {
  const pairs = responses.flatMap((one, i) =>
    responses.slice(i + 1).map((other) => pearson(one.delta, other.delta)),
  );
  const alike = pairs.reduce((sum, r) => sum + r, 0) / pairs.length;
  if (!(alike > 0)) return () => 1;
  const own = (1 - alike) / alike;
  return (used) => Math.sqrt((1 + own / used) / (1 + own / asked));
}

/** Null where there is nothing to predict from. */
function predict(
  target: Response,
  others: readonly Response[],
  source: string | null,
): { readonly delta: Float64Array; readonly sources: number } | null {
  if (others.length === 0) return null;
  if (source !== null) {
    const same = others.find(({ cellType, donor }) => source === cellType || source === donor);
    return { delta: (same ?? nearest(target, others)).delta, sources: 1 };
  }
  const likeness = others.map(({ control }) => pearson(control, target.control));
  const byDonor = target.donor !== null;
  const weights = byDonor
    ? groupWeights(
        others.map(({ cellType, cells }, at) => ({ cellType, cells, similarity: likeness[at]! })),
        [1],
      )
    : krigingWeights({
        toQuery: likeness,
        between: (i, j) => pearson(others[i]!.control, others[j]!.control),
        cells: others.map(({ cells }) => cells),
      });
  const delta = target.delta.map((_, gene) =>
    others.reduce((sum, response, at) => sum + weights[at]! * response.delta[gene]!, 0),
  );
  return { delta, sources: effective(weights) };
}

function nearest(target: Response, others: readonly Response[]): Response {
  return others.reduce((best, each) =>
    pearson(each.control, target.control) > pearson(best.control, target.control) ? each : best,
  );
}
