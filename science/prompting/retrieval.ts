import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import type { Knowledge } from "../knowledge/knowledge.ts";
import { isOfContext } from "../query/context-in-atlas.ts";
import { sameAmount } from "../query/nearest-amount.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import type { PromptStrategy } from "./prompt-plan.ts";

/** A cell group and where it lives. `control`: its matched control group, when it is listed. */
export interface LocatedGroup {
  readonly atlas: OpenAtlas;
  readonly group: CellGroup;
  readonly control: CellGroup | null;
}

/**
 * How near in meaning texts are to the asked ones by an embedding model, as cosines (-1 to 1):
 * [text, cosine].
 */
export interface EmbeddedLikeness {
  readonly model: string;
  readonly perturbations: readonly (readonly [text: string, cosine: number])[];
  readonly cell_types: readonly (readonly [text: string, cosine: number])[];
}

export interface RetrievalContext {
  readonly query: StructuredQuery;
  readonly knowledge: Knowledge;
  /**
   * Perturbed groups that may be shown to the model; under synthetic control only those with a
   * matched control.
   */
  readonly perturbed: readonly LocatedGroup[];
  /** Null: names are compared by their letters, as is a text that is not in it. */
  readonly embedded: EmbeddedLikeness | null;
}

/** A group that a strategy finds worth showing. */
export interface Proposal extends LocatedGroup {
  /** 0 to 1: how well it answers the question by knowledge alone. */
  readonly match: number;
  /** Completes the sentence "These cells are shown because ..." */
  readonly because: string;
}

/** A way to find groups. CONTRIBUTING.md says how another one joins. */
export interface RetrievalStrategy {
  readonly name: PromptStrategy;
  propose(context: RetrievalContext): readonly Proposal[];
}

export function isAskedCellType(query: StructuredQuery, group: CellGroup): boolean {
  const { atlas_labels: labels, cell_ontology_id: id } = query.cell_type;
  return labels.includes(group.cell_type) || (id !== null && group.cell_ontology_id === id);
}

export function isAskedPerturbation(query: StructuredQuery, group: CellGroup): boolean {
  const { atlas_labels: labels, id } = query.perturbation;
  return (
    !group.is_control &&
    (labels.includes(group.perturbation) || (id !== null && group.perturbation_id === id))
  );
}

/** Whether the group is of the asked donor; true where the question names none. */
function isAskedDonor(query: StructuredQuery, { donor, dataset }: CellGroup): boolean {
  return query.donor === null || donor === query.donor || donor === `${dataset}:${query.donor}`;
}

/**
 * Whether the group measures what is asked: these cells under this perturbation, of this donor and
 * origin, and at this dose and time where the question names them.
 */
export function isTheAnswer(query: StructuredQuery, group: CellGroup): boolean {
  return (
    isAskedCellType(query, group) &&
    isAskedPerturbation(query, group) &&
    isAskedDonor(query, group) &&
    isOfContext(query, group) &&
    (["dose", "time"] as const).every((name) => {
      const asked = query[name];
      const given = group.covariates?.[name];
      return asked === null || given === undefined || sameAmount(asked, given);
    })
  );
}

export function perturbedGroups(atlases: readonly OpenAtlas[]): LocatedGroup[] {
  return atlases.flatMap((atlas) => {
    const byId = new Map(atlas.index.groups.map((group) => [group.group_id, group]));
    return atlas.index.groups
      .filter((group) => !group.is_control && group.n_cells > 0)
      .map((group) => ({
        atlas,
        group,
        control:
          (group.control_group_id === null ? null : byId.get(group.control_group_id)) ?? null,
      }));
  });
}
