import { candidateId } from "./build-candidate.ts";
import type { PlannedPrompt, PromptPart } from "./prompt-plan.ts";

/** Parts of several prompts in equal shares of the prompts; a group that several show is one part. */
export function mixedParts<Part extends Pick<PromptPart, "group_id" | "weight">>(
  members: readonly (readonly Part[])[],
): Part[] {
  const groups = Map.groupBy(members.flat(), ({ group_id }) => group_id);
  return [...groups.values()].map((parts) => ({
    ...parts[0]!,
    weight: parts.reduce((sum, { weight }) => sum + weight, 0) / members.length,
  }));
}

/**
 * The prompts of a round whose predictions are mixed in equal shares, as one; the first of them
 * leads. Its cells are those that any of them shows.
 */
export function mixedPrompt(members: readonly PlannedPrompt[]): PlannedPrompt {
  const [lead] = members;
  if (lead === undefined) throw new Error("A mixture has a prompt.");
  const { strategy, rank_score, rationale } = lead.chosen;
  const similarities = members.flatMap(({ chosen }) => chosen.control_similarity ?? []);
  const all = members.flatMap(({ chosen }) => chosen.parts);
  const most = (group: string, cells: (part: PromptPart) => number): number =>
    Math.max(...all.filter(({ group_id }) => group_id === group).map(cells));
  const parts = mixedParts(members.map(({ chosen }) => chosen.parts)).map((part) => ({
    ...part,
    n_cells: most(part.group_id, ({ n_cells }) => n_cells),
    n_control_cells: most(part.group_id, ({ n_control_cells }) => n_control_cells),
  }));
  const pooled = [...new Set(members.flatMap(({ chosen }) => chosen.pooled ?? []))];
  return {
    ...lead,
    chosen: {
      candidate_id: candidateId(strategy, parts),
      strategy,
      parts,
      rank_score,
      control_similarity:
        similarities.length < members.length
          ? null
          : similarities.reduce((sum, each) => sum + each, 0) / members.length,
      rationale: `A mixture of the predictions from ${members.length} prompts in equal shares; the one expected to be most accurate shows ${rationale}`,
      ...(pooled.length === 0 ? {} : { pooled }),
    },
  };
}
