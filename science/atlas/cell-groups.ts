import { createHash } from "node:crypto";
import { LargeMap } from "../anndata/large-map.ts";
import type { CellGroup, Covariates, GeneticReading } from "./atlas-index.ts";
import { checkGroupCount } from "./limits.ts";

export interface LabelResolver {
  cellOntologyId(label: string): string | null;
  /** Of a substance, or of any perturbation that says itself what it does ("STAT1 KO"). */
  perturbationId(label: string): string | null;
  /** Of the loss or gain of one gene. */
  geneticId?(gene: string, effect: GeneticReading["effect"]): string | null;
  /** The symbol of the gene that a name stands for. */
  geneSymbol?(name: string): string | null;
}

/** The labels of every cell, in row order; null where the source has none. */
export interface CellLabels {
  readonly cellType: readonly (string | null)[];
  readonly perturbation: readonly (string | null)[];
  readonly donor: readonly (string | null)[];
  /** What else was done to each cell, where that sets groups apart. */
  readonly condition?: readonly string[] | null;
}

export interface GroupingRules {
  /** Labels of control cells, those first that perturbed cells are rather compared with. */
  readonly controls: readonly string[];
  /** What labels that name genes say. */
  readonly genetic?: ReadonlyMap<string, GeneticReading>;
  readonly covariatesOf?: ((cell: number) => Covariates) | null;
}

/** A cell group whose cells have no place in a shard yet. */
export type LabelledGroup = Omit<CellGroup, "shard" | "first_row">;

export interface GroupedCells {
  /** Sorted by group_id. */
  readonly groups: readonly LabelledGroup[];
  /**
   * For each source row the position of its group, -1 for cells left out because a label is
   * missing.
   */
  readonly groupOf: Int32Array;
}

interface Rows {
  readonly first: number;
  n: number;
}

/**
 * Puts cells of equal cell type, perturbation, donor, dose and time together, and what else was done
 * to them, and links each group to its control. The dose of a control says nothing; its time does
 * where controls differ in it.
 * @throws GROUP_EMPTY where there would be too many groups
 */
export function groupCells(
  labels: CellLabels,
  dataset: string,
  { controls, genetic = new Map(), covariatesOf = null }: GroupingRules,
  resolver: LabelResolver,
): GroupedCells {
  const { cellType, perturbation, donor, condition = null } = labels;
  const slugs = {
    cellType: uniqueSlugs(cellType),
    perturbation: uniqueSlugs(perturbation),
    donor: uniqueSlugs(donor),
    condition: uniqueSlugs(condition ?? []),
  };
  const isControl = new Set(controls);
  const amounts = covariateReader(labels, isControl, covariatesOf);
  const rows = new Map<string, Rows>();
  const ofDataset = slug(dataset);
  const shared = sharedTexts();
  const idOf = cellType.map((type, row) => {
    const [by, from] = [perturbation[row], donor[row]];
    if (type === null || by === null || by === undefined || from === null || from === undefined)
      return null;
    const id = shared([
      ofDataset,
      slugs.cellType.get(type) ?? "",
      slugs.perturbation.get(by) ?? "",
      slugs.donor.get(from) ?? "",
      ...amounts.slugOf(row),
      ...(condition === null ? [] : [slugs.condition.get(condition[row] ?? "") ?? ""]),
    ]);
    const seen = rows.get(id);
    if (seen === undefined) {
      checkGroupCount(rows.size + 1, "Cell type, perturbation, donor, dose and time together");
      rows.set(id, { first: row, n: 1 });
    } else seen.n += 1;
    return id;
  });
  const ids = [...rows.keys()].toSorted();
  const position = new Map<string | null, number>(ids.map((id, at) => [id, at]));
  const controlIds = controlFinder(labels, rows, controls, amounts.of);
  const groups = ids.map((id): LabelledGroup => {
    const { first, n } = rows.get(id) as Rows;
    const [type, by, from] = [
      cellType[first] as string,
      perturbation[first] as string,
      donor[first] as string,
    ];
    const control = isControl.has(by);
    const reading = control ? null : (genetic.get(by) ?? null);
    const covariates = amounts.of(first);
    return {
      group_id: id,
      dataset,
      cell_type: type,
      cell_ontology_id: resolver.cellOntologyId(type),
      perturbation: by,
      perturbation_id: control ? null : perturbationId(by, reading, resolver),
      ...(reading === null ? {} : { genetic: reading }),
      ...(Object.keys(covariates).length === 0 ? {} : { covariates }),
      is_control: control,
      donor: `${dataset}:${from}`,
      n_cells: n,
      control_group_id: control ? null : controlIds(first),
    };
  });
  return { groups, groupOf: Int32Array.from(idOf, (id) => position.get(id) ?? -1) };
}

function perturbationId(
  label: string,
  reading: GeneticReading | null,
  resolver: LabelResolver,
): string | null {
  if (reading === null) return resolver.perturbationId(label);
  const [gene, ...more] = reading.genes;
  return gene === undefined || more.length > 0
    ? null
    : (resolver.geneticId?.(gene, reading.effect) ?? null);
}

interface CovariateReader {
  of(row: number): Covariates;
  /** The part of the group id, none where amounts set no groups apart. */
  slugOf(row: number): readonly string[];
}

function covariateReader(
  { perturbation }: CellLabels,
  isControl: ReadonlySet<string>,
  covariatesOf: ((cell: number) => Covariates) | null,
): CovariateReader {
  if (covariatesOf === null) return { of: () => ({}), slugOf: () => [] };
  const distinct = { perturbed: new Set<Covariates>(), control: new Set<string>() };
  for (const [row, label] of perturbation.entries()) {
    if (label === null) continue;
    if (isControl.has(label)) distinct.control.add(covariatesOf(row).time ?? "");
    else distinct.perturbed.add(covariatesOf(row));
  }
  const controlTimes = distinct.control.size > 1 && distinct.perturbed.size > 1;
  const apart = distinct.perturbed.size > 1;
  const of = (row: number): Covariates => {
    const covariates = covariatesOf(row);
    if (!isControl.has(perturbation[row] ?? "")) return covariates;
    return controlTimes && covariates.time !== undefined ? { time: covariates.time } : {};
  };
  return {
    of,
    slugOf(row) {
      const { dose, time } = of(row);
      const text = [dose, time].filter((each) => each !== undefined).join(" ");
      return apart && text !== "" ? [slug(text.replaceAll(".", "p")) || hash(text)] : [];
    },
  };
}

/**
 * For a perturbed row the control group of the same cell type, donor and condition: at the same time if
 * there is one, of the first control label, with the most cells.
 */
function controlFinder(
  { cellType, perturbation, donor, condition }: CellLabels,
  rows: ReadonlyMap<string, Rows>,
  controls: readonly string[],
  covariatesOf: (row: number) => Covariates,
): (row: number) => string | null {
  const key = (row: number) => JSON.stringify([cellType[row], donor[row], condition?.[row]]);
  const found = [...rows]
    .map(([id, { first, n }]) => ({
      id,
      n,
      row: first,
      order: controls.indexOf(perturbation[first] ?? ""),
    }))
    .filter(({ order }) => order >= 0)
    .toSorted((a, b) => a.order - b.order || b.n - a.n);
  const byKey = Map.groupBy(found, ({ row }) => key(row));
  return (row) => {
    const those = byKey.get(key(row)) ?? [];
    const { time } = covariatesOf(row);
    return (
      those.find((control) => covariatesOf(control.row).time === time)?.id ?? those[0]?.id ?? null
    );
  };
}

/** Repeated names get -1, -2 ... appended, as anndata's obs_names_make_unique does. */
export function uniqueNames(names: readonly string[]): {
  readonly names: readonly string[];
  readonly renamed: number;
} {
  // Names that are taken, and the number that the next cell of that name tries first.
  const taken = new LargeMap<number>();
  for (const name of names) taken.set(name, 0);
  const renamed = names.length - taken.size;
  if (renamed === 0) return { names, renamed };
  const unique = names.map((name) => {
    let number = taken.get(name) ?? 0;
    let free = number === 0 ? name : `${name}-${number}`;
    while (number > 0 && taken.get(free) !== undefined) {
      number += 1;
      free = `${name}-${number}`;
    }
    if (free !== name) taken.set(free, 0);
    taken.set(name, number + 1);
    return free;
  });
  return { names: unique, renamed };
}

/** Joins parts with slashes; equal parts give one text in memory, however many cells have them. */
function sharedTexts(): (parts: readonly string[]) => string {
  interface Node {
    readonly next: Map<string, Node>;
    text: string | null;
  }
  const root: Node = { next: new Map(), text: null };
  return (parts) => {
    let node = root;
    for (const part of parts) {
      const next = node.next.get(part) ?? { next: new Map(), text: null };
      node.next.set(part, next);
      node = next;
    }
    node.text ??= parts.join("/");
    return node.text;
  };
}

/** Lower-case letters, digits and hyphens, at most 60. */
function slug(label: string): string {
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
