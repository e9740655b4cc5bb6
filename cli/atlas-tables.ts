import type { AtlasIndex } from "../science/atlas/atlas-index.ts";
import type { H5adSummary } from "../science/atlas/inspect.ts";
import { table } from "./output.ts";

/** What `atlas inspect` shows to people. */

const VALUES_SHOWN = 5;

/** An .h5ad file: what it holds, and how an import would read it. */
export function describeFile(file: string, found: H5adSummary): string {
  const { n_obs, n_vars, slots, obs, guessed, counts, unreadable, warnings } = found;
  const roles = new Map<string, string>();
  for (const [role, column] of Object.entries(guessed))
    if (typeof column === "string" && role !== "control_label" && role !== "zero_is_control")
      roles.set(column, [roles.get(column), role.replaceAll("_", " ")].filter(Boolean).join(", "));
  return [
    `${file}${found.modality === null ? "" : `, modality ${found.modality}`}: ${n_obs} cells x ${n_vars} genes (${found.first_genes.join(", ")}${n_vars > found.first_genes.length ? ", ..." : ""})`,
    table(
      ["matrix", "layout", "values", ""],
      slots.map(({ name, layout, values }) => [
        name,
        layout,
        values.replaceAll("_", " "),
        name === counts ? "taken for the counts" : "",
      ]),
    ),
    table(
      ["obs column", "kind", "values", "taken for", "most frequent (cells)"],
      obs.map(({ name, kind, n_values, values = [] }) => [
        name,
        kind,
        n_values ?? null,
        roles.get(name) ?? "",
        values
          .slice(0, VALUES_SHOWN)
          .map(({ value, cells }) => `${value} (${cells})`)
          .join(", "),
      ]),
    ),
    ...linesOf(
      "Cannot be read",
      unreadable.map(({ name, why }) => `${name}: ${why}`),
    ),
    ...linesOf("Warning", warnings),
  ].join("\n\n");
}

/** An imported atlas: its cells by cell type and perturbation. */
export function describeAtlas({ groups, warnings, ...index }: AtlasIndex): string {
  const cells = new Map<string, Map<string, number>>();
  for (const { cell_type, perturbation, n_cells } of groups) {
    const row = cells.get(cell_type) ?? new Map<string, number>();
    row.set(perturbation, (row.get(perturbation) ?? 0) + n_cells);
    cells.set(cell_type, row);
  }
  const controls = new Set(
    groups.filter(({ is_control }) => is_control).map(({ perturbation }) => perturbation),
  );
  const perturbations = [...new Set(groups.map(({ perturbation }) => perturbation))].toSorted(
    (a, b) => Number(controls.has(b)) - Number(controls.has(a)) || (a < b ? -1 : 1),
  );
  const isWide = perturbations.length > COLUMNS_SHOWN;
  const donors = new Set(groups.map(({ donor }) => donor));
  return [
    `${index.dataset}${index.simulated ? " (simulated)" : ""}: ${index.n_cells} cells x ${index.n_genes} genes, ${donors.size} donors, ${groups.length} cell groups, from ${index.source_file}`,
    isWide
      ? table(
          ["perturbation", "cells", "cell types"],
          perturbations.map((perturbation) => {
            const own = groups.filter((group) => group.perturbation === perturbation);
            return [
              controls.has(perturbation) ? `${perturbation} (control)` : perturbation,
              own.reduce((sum, { n_cells }) => sum + n_cells, 0),
              new Set(own.map(({ cell_type }) => cell_type)).size,
            ];
          }),
        )
      : table(
          [
            "cells of",
            ...perturbations.map((name) => (controls.has(name) ? `${name} (control)` : name)),
          ],
          [...cells]
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([cellType, row]) => [
              cellType,
              ...perturbations.map((perturbation) => row.get(perturbation) ?? null),
            ]),
        ),
    ...linesOf("Warning", warnings),
  ].join("\n\n");
}

const COLUMNS_SHOWN = 8;

const linesOf = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [lines.map((line) => `${title}: ${line}`).join("\n")];
