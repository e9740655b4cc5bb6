import { describe, expect, test } from "vitest";
import type { CellGroup, OpenAtlas } from "../../science/atlas/atlas-index.ts";
import { pooledProfile } from "../../science/prompting/control-similarity.ts";
import { allocateCells } from "../../science/prompting/mixture.ts";

test("a pooled profile is the mean over cells, not over groups", () => {
  const profiles = new Map([
    ["small", Float32Array.of(4, 0)],
    ["large", Float32Array.of(0, 8)],
  ]);
  const atlas = {
    index: { n_genes: 2 },
    profile: (id: string) => profiles.get(id)!,
  } as unknown as OpenAtlas;
  const group = (group_id: string, n_cells: number) => ({ group_id, n_cells }) as CellGroup;
  expect(pooledProfile(atlas, [group("small", 10), group("large", 30)])).toEqual(
    Float64Array.of(1, 6),
  );
});

describe("cells that cannot be shared out evenly", () => {
  const share = (weights: readonly number[], total: number) =>
    allocateCells(
      weights,
      weights.map(() => 1_000),
      total,
    );

  test("go to the largest remainders, of equal ones to the first", () => {
    expect(share([0.52, 0.3, 0.18], 11)).toEqual([6, 3, 2]);
    expect(share([0.25, 0.25, 0.25, 0.25], 6)).toEqual([2, 2, 1, 1]);
  });
});
