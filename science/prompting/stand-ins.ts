import type { Knowledge } from "../knowledge/knowledge.ts";
import type { Direction, StructuredQuery } from "../query/structured-query.ts";
import type { IterationFeedback, PromptCandidate } from "./prompt-plan.ts";

/**
 * What earlier iterations taught about perturbations that stand in for the asked one. The asked
 * perturbation itself gives the asked biology, however poor a prompt of it was; of a stand-in that
 * is an assumption, and the iterations test it.
 */

/**
 * The components that judge whether a response is that of the asked perturbation, not only whether
 * it is coherent.
 */
const BIOLOGY = ["pathway_coherence", "target_activation", "literature_support"];
const MAX_SCORE = 10;
/** A stand-in that is known to give nothing of what was missing keeps this share of its rank. */
const GIVES_NOTHING = 0.5;

interface Lessons {
  readonly history: readonly IterationFeedback[];
  readonly query: StructuredQuery;
  readonly knowledge: Knowledge;
}

interface Missing {
  /** Gene or pathway id. */
  readonly id: string;
  readonly name: string;
  readonly direction: Direction;
}

/**
 * The candidates with the rank of stand-ins lowered: to the share of the biology that the best
 * prompt of the same stand-in showed (mean of the measured components, of 10), and by the share of
 * the genes and pathways named in the last feedback that the knowledge does not expect of the
 * stand-in.
 */
export function weighStandIns(
  candidates: readonly PromptCandidate[],
  { history, query, knowledge }: Lessons,
): PromptCandidate[] {
  const shown = biologyShown(candidates, history);
  const missing = missingIn(history, query);
  return candidates.map((candidate) => {
    const { stand_in: standIn } = candidate;
    if (standIn === undefined) return candidate;
    const given = missing.filter((one) => isExpectedOf(standIn, one, knowledge));
    const supply =
      missing.length === 0
        ? 1
        : GIVES_NOTHING + (1 - GIVES_NOTHING) * (given.length / missing.length);
    const names = given
      .slice(0, 5)
      .map(({ name }) => name)
      .join(", ");
    return {
      ...candidate,
      rank_score: candidate.rank_score * (shown.get(standIn) ?? 1) * supply,
      rationale:
        names === ""
          ? candidate.rationale
          : `${candidate.rationale} It is known to change what was missing before: ${names}.`,
    };
  });
}

/** 0 to 1 for each stand-in that was tried and could be judged. */
function biologyShown(
  candidates: readonly PromptCandidate[],
  history: readonly IterationFeedback[],
): Map<string, number> {
  const byId = new Map(candidates.map((candidate) => [candidate.candidate_id, candidate]));
  const shown = new Map<string, number>();
  for (const { candidate_id, component_scores } of history) {
    const standIn = byId.get(candidate_id)?.stand_in;
    const scores = BIOLOGY.flatMap((name) => component_scores[name] ?? []);
    if (standIn === undefined || scores.length === 0) continue;
    shown.set(
      standIn,
      Math.max(
        shown.get(standIn) ?? 0,
        scores.reduce((sum, score) => sum + score, 0) / scores.length / MAX_SCORE,
      ),
    );
  }
  return shown;
}

/**
 * What the question expects and the last feedback names: it is said there because it did not come,
 * or came the wrong way.
 */
function missingIn(
  history: readonly IterationFeedback[],
  { expected_targets, expected_pathways }: StructuredQuery,
): Missing[] {
  const feedback =
    history.toSorted((a, b) => b.iteration - a.iteration)[0]?.feedback.join("\n") ?? "";
  const expected = [
    ...expected_targets.map(({ gene, direction }) => ({ id: gene, name: gene, direction })),
    ...expected_pathways,
  ];
  const words = new Set(feedback.split(/[^\p{L}\p{N}-]+/u));
  return expected.filter(({ name }) =>
    name.includes(" ") ? feedback.includes(name) : words.has(name),
  );
}

function isExpectedOf(id: string, missing: Missing, { perturbations }: Knowledge): boolean {
  const entry = perturbations.find((known) => known.id === id);
  if (entry === undefined) return false;
  return (
    entry.response.some(
      ({ gene, direction }) => gene === missing.id && direction === missing.direction,
    ) ||
    entry.pathways.some(
      (pathway) => pathway.id === missing.id && pathway.direction === missing.direction,
    )
  );
}
