import { expect, test } from "vitest";
import type { CellGroup, OpenAtlas } from "../../science/atlas/atlas-index.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { allCandidates } from "../../science/prompting/candidates.ts";
import { QUERY } from "./report-fixtures.ts";

/**
 * Two donors' cells answer the question equally well; only those of the first have untreated cells
 * to compare with the query cells.
 */
const TYPE = QUERY.cell_type.atlas_labels[0]!;
const group = (part: Partial<CellGroup> & Pick<CellGroup, "group_id">): CellGroup => ({
  dataset: "d",
  cell_type: TYPE,
  cell_ontology_id: null,
  perturbation: "IFN-beta",
  perturbation_id: null,
  is_control: false,
  donor: part.group_id,
  n_cells: 40,
  control_group_id: null,
  shard: "",
  ...part,
});
const PROFILES: Readonly<Record<string, readonly number[]>> = {
  query: [3, 1, 2, 0],
  like: [3, 1, 2, 1],
  measured: [4, 1, 2, 0],
  unmeasured: [4, 1, 2, 0],
};
const GROUPS: readonly CellGroup[] = [
  group({ group_id: "query", is_control: true, perturbation: "control", n_cells: 400 }),
  group({ group_id: "like", is_control: true, perturbation: "control", cell_type: "like it" }),
  group({ group_id: "unmeasured", n_cells: 80 }),
  group({ group_id: "measured", control_group_id: "like" }),
];
const atlas = {
  dir: "",
  index: { dataset: "d", n_genes: 4, genes: ["A", "B", "C", "D"], groups: GROUPS },
  profile: (id: string) => Float32Array.from(PROFILES[id]!),
} as unknown as OpenAtlas;

test("cells whose likeness to the query cells is not measured are not the best, though there are more", () => {
  const candidates = allCandidates({
    query: QUERY,
    atlases: [atlas],
    knowledge: loadKnowledge(),
    controlStrategy: "query_as_control",
    promptCells: 80,
  });
  const single = (id: string) =>
    candidates.find(({ parts }) => parts.length === 1 && parts[0]!.group_id === id)!;
  const measured = single("measured");
  const unmeasured = single("unmeasured");
  expect(measured.control_similarity).toBeGreaterThan(0.9);
  expect(unmeasured.control_similarity).toBeNull();
  expect(measured.rank_score).toBeGreaterThan(unmeasured.rank_score);
  expect(candidates.at(-1)).toBe(unmeasured);

  const both = candidates.find(({ parts }) => parts.length === 2)!;
  expect(both.parts.map(({ group_id }) => group_id)).toEqual(["measured", "unmeasured"]);
  expect(both.rationale).toContain("resemble the query cells with Pearson");
  expect(both.rank_score).toBeGreaterThan(unmeasured.rank_score);
});
