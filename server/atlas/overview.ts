import { keptFor } from "../../actors/kept-for.ts";
import type { AtlasCatalogue } from "../../actors/atlas-catalogue.ts";
import type { AtlasIndex, CellGroup } from "../../science/atlas/atlas-index.ts";
import type { Clock } from "../../services/clock/index.ts";

/** What the imported atlases hold, over all of them, by name. */
export interface Overview {
  readonly datasets: readonly ReturnType<typeof datasetOf>[];
  readonly cell_types: readonly ReturnType<typeof cellTypeOf>[];
  readonly perturbations: readonly ReturnType<typeof perturbationOf>[];
}

const distinct = (groups: readonly CellGroup[], nameOf: (group: CellGroup) => string): string[] =>
  [...new Set(groups.map(nameOf))].toSorted();
const cells = (groups: readonly CellGroup[]): number =>
  groups.reduce((total, { n_cells }) => total + n_cells, 0);

const datasetOf = ({
  dataset,
  simulated,
  source_file,
  n_cells,
  n_genes,
  groups,
  warnings,
}: AtlasIndex) => ({
  dataset,
  simulated,
  source_file,
  n_cells,
  n_genes,
  cell_types: distinct(groups, ({ cell_type }) => cell_type).length,
  perturbations: distinct(
    groups.filter(({ is_control }) => !is_control),
    ({ perturbation }) => perturbation,
  ).length,
  donors: distinct(groups, ({ donor }) => donor).length,
  warnings: [...warnings],
});

const cellTypeOf = (name: string, groups: readonly CellGroup[]) => ({
  name,
  cell_ontology_id:
    groups.find(({ cell_ontology_id }) => cell_ontology_id !== null)?.cell_ontology_id ?? null,
  datasets: distinct(groups, ({ dataset }) => dataset),
  n_cells: cells(groups),
  n_control_cells: cells(groups.filter(({ is_control }) => is_control)),
});

/** The values of one covariate, as written. */
const valuesOf = (groups: readonly CellGroup[], covariate: "dose" | "time"): string[] =>
  [
    ...new Set(
      groups.flatMap(({ covariates }) => {
        const value = covariates?.[covariate];
        return value === undefined ? [] : [value];
      }),
    ),
  ].toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }));

/** What was measured of one perturbation in one cell type. */
const measuredOf = (cell_type: string, groups: readonly CellGroup[]) => ({
  cell_type,
  n_cells: cells(groups),
  donors: distinct(groups, ({ donor }) => donor).length,
  doses: valuesOf(groups, "dose"),
  times: valuesOf(groups, "time"),
  n_cells_without_control: cells(
    groups.filter(({ control_group_id }) => control_group_id === null),
  ),
});

const perturbationOf = (name: string, groups: readonly CellGroup[]) => ({
  name,
  perturbation_id:
    groups.find(({ perturbation_id }) => perturbation_id !== null)?.perturbation_id ?? null,
  datasets: distinct(groups, ({ dataset }) => dataset),
  cell_types: distinct(groups, ({ cell_type }) => cell_type),
  n_cells: cells(groups),
  measured: [...Map.groupBy(groups, ({ cell_type }) => cell_type)]
    .toSorted(([a], [b]) => a.localeCompare(b, "en"))
    .map(([cell_type, those]) => measuredOf(cell_type, those)),
});

function byName<Item extends { readonly name: string }>(
  groups: readonly CellGroup[],
  nameOf: (group: CellGroup) => string,
  describe: (name: string, groups: readonly CellGroup[]) => Item,
): Item[] {
  const found = [...Map.groupBy(groups, nameOf)].map(([name, those]) => describe(name, those));
  return found.toSorted((a, b) => a.name.localeCompare(b.name, "en"));
}

function overviewOf(indexes: readonly AtlasIndex[]): Overview {
  const groups = indexes.flatMap((index) => index.groups);
  return {
    datasets: indexes.map(datasetOf).toSorted((a, b) => a.dataset.localeCompare(b.dataset, "en")),
    cell_types: byName(groups, ({ cell_type }) => cell_type, cellTypeOf),
    perturbations: byName(
      groups.filter(({ is_control }) => !is_control),
      ({ perturbation }) => perturbation,
      perturbationOf,
    ),
  };
}

/** An import shows after this at the latest. */
const KEPT_MS = 5_000;

/** Reads the indexes once for all who ask at about the same time. */
export function createOverview(
  atlases: Pick<AtlasCatalogue, "list">,
  clock: Pick<Clock, "elapsed">,
): () => Promise<Overview> {
  return keptFor(KEPT_MS, clock, () => atlases.list().then(overviewOf));
}
