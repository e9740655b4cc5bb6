import { createHash } from "node:crypto";
import type { AtlasColumns, CellGroup } from "./atlas-index.ts";

export interface LabelResolver {
  cellOntologyId(label: string): string | null;
  perturbationId(label: string): string | null;
}

/** The labels of every cell, in row order; null where the source has none. */
export interface CellLabels {
  readonly cellType: readonly (string | null)[];
  readonly perturbation: readonly (string | null)[];
  readonly donor: readonly (string | null)[];
}

export interface GroupedCells {
  /** Sorted by group_id. */
  readonly groups: readonly CellGroup[];
  /**
   * For each source row the position of its group, -1 for cells left out because a label is
   * missing.
   */
  readonly groupOf: Int32Array;
}

/**
 * Puts cells of equal cell type, perturbation and donor together and links each group to its
 * control.
 */
export function groupCells(
  labels: CellLabels,
  dataset: string,
  columns: AtlasColumns,
  resolver: LabelResolver,
): GroupedCells {
  const { cellType, perturbation, donor } = labels;
  const slugs = {
    cellType: uniqueSlugs(cellType),
    perturbation: uniqueSlugs(perturbation),
    donor: uniqueSlugs(donor),
  };
  const rows = new Map<string, { first: number; n: number }>();
  const idOf = cellType.map((type, row) => {
    const [by, from] = [perturbation[row], donor[row]];
    if (type === null || by === null || by === undefined || from === null || from === undefined)
      return null;
    const id = [
      slug(dataset),
      slugs.cellType.get(type),
      slugs.perturbation.get(by),
      slugs.donor.get(from),
    ].join("/");
    const seen = rows.get(id) ?? { first: row, n: 0 };
    seen.n += 1;
    rows.set(id, seen);
    return id;
  });
  const ids = [...rows.keys()].toSorted();
  const position = new Map<string | null, number>(ids.map((id, at) => [id, at]));
  const groups = ids.map((id): CellGroup => {
    const { first, n } = rows.get(id) as { first: number; n: number };
    const [type, by, from] = [
      cellType[first] as string,
      perturbation[first] as string,
      donor[first] as string,
    ];
    const isControl = by === columns.control_label;
    const control = [
      slug(dataset),
      slugs.cellType.get(type),
      slugs.perturbation.get(columns.control_label),
      slugs.donor.get(from),
    ].join("/");
    return {
      group_id: id,
      dataset,
      cell_type: type,
      cell_ontology_id: resolver.cellOntologyId(type),
      perturbation: by,
      perturbation_id: isControl ? null : resolver.perturbationId(by),
      is_control: isControl,
      donor: `${dataset}:${from}`,
      n_cells: n,
      control_group_id: !isControl && rows.has(control) ? control : null,
      shard: `groups/${id}.h5ad`,
    };
  });
  return { groups, groupOf: Int32Array.from(idOf, (id) => position.get(id) ?? -1) };
}

/** Repeated names get -1, -2 ... appended, as anndata's obs_names_make_unique does. */
export function uniqueNames(names: readonly string[]): {
  readonly names: readonly string[];
  readonly renamed: number;
} {
  const taken = new Set(names);
  if (taken.size === names.length) return { names, renamed: 0 };
  const seen = new Map<string, number>();
  const unique = names.map((name) => {
    let number = seen.get(name) ?? 0;
    let free = number === 0 ? name : `${name}-${number}`;
    while (number > 0 && taken.has(free)) {
      number += 1;
      free = `${name}-${number}`;
    }
    seen.set(name, number + 1);
    taken.add(free);
    return free;
  });
  return { names: unique, renamed: names.length - new Set(names).size };
}

/** Lower-case letters, digits and hyphens, at most 60. */
export function slug(label: string): string {
  const plain = label
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return plain.slice(0, 60).replace(/-+$/, "");
}

/**
 * A slug for each label; labels whose slugs are equal or empty get a hash of the label appended.
 */
function uniqueSlugs(labels: readonly (string | null)[]): Map<string, string> {
  const distinct = [...new Set(labels)].filter((label) => label !== null);
  const uses = Map.groupBy(distinct, slug);
  return new Map(
    distinct.map((label) => {
      const plain = slug(label);
      const unique = plain !== "" && uses.get(plain)?.length === 1;
      return [label, unique ? plain : [plain, hash(label)].filter(Boolean).join("-")];
    }),
  );
}

function hash(label: string): string {
  return createHash("sha256").update(label).digest("hex").slice(0, 8);
}
