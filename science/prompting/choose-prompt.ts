import { HaystackError } from "../../errors.ts";
import type { OpenAtlas } from "../atlas/atlas-index.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { candidateId } from "./build-candidate.ts";
import { allCandidates, rankCandidates } from "./candidates.ts";
import type { RetrievalRequest } from "./candidates.ts";
import { stalledStrategies } from "./history.ts";
import type { IterationFeedback, PromptCandidate, PromptPlan } from "./prompt-plan.ts";
import { allocateQueryCells, findQueryCells } from "./query-cells.ts";
import { isAskedPerturbation, perturbedGroups } from "./retrieval.ts";
import { sideBySide } from "./side-by-side.ts";

export interface ChoosePromptOptions extends RetrievalRequest {
  readonly history: readonly IterationFeedback[];
  /** Most query cells to predict. */
  readonly queryCells: number;
  readonly seed: number;
  /**
   * "worst" starts from the lowest-ranked usable prompt, to see whether later iterations recover;
   * default "best".
   */
  readonly firstPrompt?: "best" | "worst";
  /** Most prompts to try side by side; one where the first is to be the worst. Default 1. */
  readonly prompts?: number;
}

const CONSIDERED = 8;

/**
 * The best candidates in their order, among them the best of each strategy: another one is to be
 * seen beside the many of one.
 */
function shortlist(ordered: readonly PromptCandidate[]): PromptCandidate[] {
  const firsts = [...Map.groupBy(ordered, ({ strategy }) => strategy).values()].map(
    ([first]) => first!,
  );
  const listed = new Set(firsts.slice(0, CONSIDERED));
  for (const candidate of ordered) if (listed.size < CONSIDERED) listed.add(candidate);
  return ordered.filter((candidate) => listed.has(candidate));
}

/**
 * A smaller draw from the same groups, not among those used; null when the prompt cannot shrink
 * further.
 */
function smallerDraw(
  candidate: PromptCandidate,
  used: ReadonlySet<string>,
): PromptCandidate | null {
  for (let fraction = 0.5; fraction > 0.01; fraction /= 2) {
    const shrunk = candidate.parts
      .map((part) => ({
        ...part,
        n_cells: Math.floor(part.n_cells * fraction),
        n_control_cells: Math.floor(part.n_control_cells * fraction),
      }))
      .filter(
        (part) => part.n_cells > 0 && (part.control_group_id === null || part.n_control_cells > 0),
      );
    const total = shrunk.reduce((sum, part) => sum + part.n_cells, 0);
    if (total === 0) return null;
    const parts = shrunk.map((part) => ({ ...part, weight: part.n_cells / total }));
    const id = candidateId(candidate.strategy, parts);
    if (!used.has(id))
      return {
        ...candidate,
        candidate_id: id,
        parts,
        rationale: `${candidate.rationale} Every other prompt was tried, so fewer of these cells are drawn.`,
      };
  }
  return null;
}

function nothingFits(
  query: StructuredQuery,
  atlases: readonly OpenAtlas[],
  controlStrategy: string,
): HaystackError {
  const held = [
    ...new Set(perturbedGroups(atlases).map(({ group }) => group.perturbation)),
  ].toSorted();
  const names =
    held.length > 20
      ? `${held.slice(0, 20).join(", ")} and ${held.length - 20} more`
      : held.join(", ");
  const holds = held.length === 0 ? "no perturbed cells" : names;
  const wanted = controlStrategy === "synthetic_control" ? " with matched control cells" : "";
  return new HaystackError(
    "NO_PROMPT_CELLS",
    `No cells${wanted} under ${query.perturbation.name} or a related perturbation were found; the atlas holds ${holds}; ask about one of these, or import an atlas that has it.`,
  );
}

/**
 * The prompt of an iteration: the best candidate not yet used, knowing how earlier ones scored, and
 * the query cells. Never repeats a candidate. Throws CELL_TYPE_NOT_IN_ATLAS without control cells
 * of the asked type, and NO_PROMPT_CELLS when no strategy finds anything or everything was tried.
 */
export function choosePrompt(request: ChoosePromptOptions): PromptPlan {
  return considerPrompts(request).plan;
}

/**
 * As choosePrompt, with the candidates that may take the place of the chosen one: the best of
 * strategies that have not stalled, while there are any.
 */
export function considerPrompts(request: ChoosePromptOptions): {
  readonly plan: PromptPlan;
  readonly candidates: readonly PromptCandidate[];
} {
  const { query, atlases, history, seed } = request;
  const all = allCandidates(request);
  const ordered = rankCandidates(request, all);
  const used = new Set(history.map((feedback) => feedback.candidate_id));
  const isWorst = request.firstPrompt === "worst" && history.length === 0;
  const first = isWorst ? ordered.at(-1) : ordered[0];
  const chosen =
    first ??
    all.map((candidate) => smallerDraw(candidate, used)).find((candidate) => candidate !== null);
  if (chosen === undefined) throw nothingFits(query, atlases, request.controlStrategy);
  const allStalled = stalledStrategies(history);
  const stalled = [...allStalled].filter((strategy) => strategy !== chosen.strategy);
  const fresh = ordered.filter(({ strategy }) => !allStalled.has(strategy));
  const turn =
    stalled.length === 0
      ? ""
      : ` The ${stalled.join(" and ")} strategy stopped improving, so another one is tried.`;
  const offered = fresh.length > 0 ? fresh : ordered;
  const beside = sideBySide(chosen, offered, isWorst ? 1 : (request.prompts ?? 1)).slice(1);
  const plan: PromptPlan = {
    iteration: 1 + Math.max(0, ...history.map((feedback) => feedback.iteration)),
    chosen: { ...chosen, rationale: `${chosen.rationale}${turn}` },
    ...(beside.length === 0 ? {} : { beside: beside.map((other) => ({ chosen: other })) }),
    considered: shortlist(ordered).map(
      ({ candidate_id: id, strategy, rank_score: score, rationale }) => ({
        candidate_id: id,
        strategy,
        rank_score: score,
        rationale,
      }),
    ),
    query_parts: allocateQueryCells(findQueryCells(query, atlases), request.queryCells),
    seed,
  };
  return { plan, candidates: shortlist(offered) };
}

/** A candidate that a language model chose, and why. */
export interface ModelChoice {
  readonly candidate: PromptCandidate;
  readonly reason: string;
}

/** The plan with other candidates, as a language model chose: one or several side by side. */
export function withCandidates(
  { beside: _ranked, ...plan }: PromptPlan,
  [first, ...others]: readonly [ModelChoice, ...ModelChoice[]],
  model: string,
): PromptPlan {
  const explained = ({ candidate, reason }: ModelChoice): PromptCandidate => {
    const chosen = candidate.candidate_id === plan.chosen.candidate_id ? plan.chosen : candidate;
    return {
      ...chosen,
      rationale: `${chosen.rationale} The language model ${model} chose it: ${reason}`,
    };
  };
  return {
    ...plan,
    chosen: explained(first),
    ...(others.length === 0
      ? {}
      : { beside: others.map((other) => ({ chosen: explained(other) })) }),
    model_choice: { model, reason: first.reason, instead_of: plan.chosen.candidate_id },
  };
}

/**
 * Whether synthetic control can work: some group of the asked perturbation, or of any perturbation
 * when the atlases lack the asked one, has matched control cells.
 */
export function controlsAvailable(query: StructuredQuery, atlases: readonly OpenAtlas[]): boolean {
  const perturbed = perturbedGroups(atlases);
  const asked = perturbed.filter(({ group }) => isAskedPerturbation(query, group));
  return (asked.length > 0 ? asked : perturbed).some(({ control }) => control !== null);
}
