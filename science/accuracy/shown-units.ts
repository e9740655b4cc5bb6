import type { OpenAtlas } from "../atlas/atlas-index.ts";
import type { PromptCandidate } from "../prompting/prompt-plan.ts";
import { isAskedCellType, perturbedGroups, type LocatedGroup } from "../prompting/retrieval.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import type { ControlHalves } from "./control-halves.ts";
import { measuredUnits, sourceOf, type Source, type Unit } from "./measured-units.ts";

export interface AtlasEvidence {
  /** What the run may see. */
  readonly atlases: readonly OpenAtlas[];
  /** Of the controls of measured responses. */
  readonly halves: ControlHalves;
}

/** The measured responses that tell what a prompt is worth. */
export interface ShownUnits {
  readonly atlas: OpenAtlas;
  /** Of the prompt. */
  readonly groups: readonly LocatedGroup[];
  /** Donors within cell types, where the prompt shows the asked cell type; else cell types. */
  readonly byDonor: boolean;
  /** All that can be left out; the asked response is not among them. */
  readonly units: readonly Unit[];
}

const known = new WeakMap<ControlHalves, Map<string, readonly Unit[]>>();

/** Of one atlas and perturbation; made once for all prompts that are considered. */
function unitsOf(
  { atlas, group: { perturbation } }: LocatedGroup,
  byDonor: boolean,
  halves: ControlHalves,
): readonly Unit[] {
  const made = known.get(halves) ?? new Map<string, readonly Unit[]>();
  known.set(halves, made);
  const key = JSON.stringify([atlas.dir, perturbation, byDonor]);
  const measured = () =>
    perturbedGroups([atlas]).filter(({ group }) => group.perturbation === perturbation);
  const units = made.get(key) ?? measuredUnits(atlas, measured(), byDonor, halves);
  made.set(key, units);
  return units;
}

/** Null where the prompt's cells are in no atlas that may be seen. */
export function shownUnits(
  query: StructuredQuery,
  { parts }: Pick<PromptCandidate, "parts">,
  { atlases, halves }: AtlasEvidence,
): ShownUnits | null {
  const byId = new Map(
    perturbedGroups(atlases).map((located) => [located.group.group_id, located]),
  );
  const groups = parts.flatMap(({ group_id }) => byId.get(group_id) ?? []);
  const [first] = groups;
  if (first === undefined) return null;
  const { atlas } = first;
  const byDonor = groups.some(({ group }) => isAskedCellType(query, group));
  const units = unitsOf(first, byDonor, halves);
  const labels = query.cell_type.atlas_labels;
  return {
    atlas,
    groups,
    byDonor,
    units: byDonor ? units : units.filter(({ cellType }) => !labels.includes(cellType)),
  };
}

/** What a unit is predicted from: other cell types, or other donors of its type. */
export const sourcesFor = (target: Unit, units: readonly Unit[]): Unit[] =>
  units.filter(
    (each) =>
      each !== target &&
      (target.donor === null || (each.cellType === target.cellType && each.donor !== target.donor)),
  );

/** The sources of the prompt with their shares; null where one has no controls. */
export function mixtureOf(
  { parts }: Pick<PromptCandidate, "parts">,
  { atlas, groups, byDonor }: ShownUnits,
): { readonly sources: readonly Source[]; readonly weights: readonly number[] } | null {
  const weightOf = new Map(parts.map(({ group_id, weight }) => [group_id, weight]));
  const members = [
    ...Map.groupBy(groups, ({ group }) => (byDonor ? group.donor : group.cell_type)).values(),
  ];
  const sources = members.flatMap((own) => sourceOf(atlas, own) ?? []);
  if (sources.length < members.length) return null;
  return {
    sources,
    weights: members.map((own) =>
      own.reduce((sum, { group }) => sum + (weightOf.get(group.group_id) ?? 0), 0),
    ),
  };
}
