import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { atlasCatalogue } from "../../actors/atlas-catalogue.ts";
import type { Tasks } from "../../actors/tasks.ts";
import { HaystackError } from "../../errors.ts";
import type { AtlasIndex } from "../../science/atlas/atlas-index.ts";
import { importAtlas, importPart } from "../../science/atlas/import.ts";
import { type AtlasPart, joinParts, PROFILES } from "../../science/atlas/parts.ts";
import { readGroup } from "../../science/atlas/read-group.ts";
import { writeSimulatedAtlas } from "../../science/simulate/simulate-atlas.ts";
import type { Compute } from "../../services/compute/index.ts";
import { directoryObjects } from "../../services/objects/directory/store.ts";
import { temporaryFolder } from "./anndata-files.ts";

const nothingKnown = { cellOntologyId: () => null, perturbationId: () => null };

/** Where groups lie is the only thing in which atlases made in different ways may differ. */
const described = ({ groups, profiles: _, ...index }: AtlasIndex) => ({
  ...index,
  groups: groups.map(({ shard: _shard, first_row: _row, ...group }) => group),
});

async function simulated(): Promise<{ folder: string; source: string; index: AtlasIndex }> {
  const folder = await temporaryFolder();
  const source = join(folder, "source.h5ad");
  await writeSimulatedAtlas(source, {
    seed: 3,
    nGenes: 60,
    nCellTypes: 2,
    nPerturbations: 2,
    nDonors: 2,
    cellsPerGroup: 4,
  });
  const index = await importAtlas({ source, outDir: join(folder, "whole") }, nothingKnown);
  return { folder, source, index };
}

const partsOf = ({ folder, source }: { folder: string; source: string }, count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, share) =>
      importPart(
        {
          source,
          outDir: join(folder, `${count}-${share}`),
          share: { index: share, count },
          shardPrefix: `s${share}-`,
        },
        nothingKnown,
      ),
    ),
  );

describe("shards of an atlas that is fetched", () => {
  it("are smaller, and hold the same", async () => {
    const { folder, source, index } = await simulated();
    const dir = join(folder, "small");
    const small = await importAtlas({ source, outDir: dir, shardValues: 500 }, nothingKnown);
    expect(described(small)).toEqual(described(index));
    const shards = (of: AtlasIndex) => new Set(of.groups.map(({ shard }) => shard)).size;
    expect(shards(index)).toBe(1);
    expect(shards(small)).toBeGreaterThan(3);
    for (const [at, group] of small.groups.entries())
      expect(await readGroup(dir, group)).toEqual(
        await readGroup(join(folder, "whole"), index.groups[at]!),
      );
  });

  it.each([true, false])("are asked for where the store is elsewhere: %s", async (isElsewhere) => {
    const objects = { ...directoryObjects({ root: await temporaryFolder() }), isElsewhere };
    const asked: unknown[] = [];
    const compute: Compute<Tasks> = {
      run: (_name, input) => {
        asked.push((input as { shardValues?: number }).shardValues);
        return Promise.reject(new HaystackError("STEP_ABORTED", "Enough was seen."));
      },
      close: () => Promise.resolve(),
    };
    await expect(
      atlasCatalogue(objects, compute, "none").import({ source: "a.h5ad" }),
    ).rejects.toMatchObject({ code: "STEP_ABORTED" });
    expect(asked).toEqual([isElsewhere ? 2_000_000 : undefined]);
  });
});

describe("an import in shares", () => {
  it.each([1, 3, 50])("by %i machines makes the atlas that one makes", async (count) => {
    const whole = await simulated();
    const { folder, index } = whole;
    expect(index.groups.length).toBeLessThan(50);
    const parts = await partsOf(whole, count);
    expect(described(joinParts(parts.toReversed(), "all.f32"))).toEqual(described(index));
    const profiles = await Promise.all(
      parts.map((_, share) => readFile(join(folder, `${count}-${share}`, PROFILES))),
    );
    expect(
      Buffer.concat(profiles).equals(await readFile(join(folder, "whole", index.profiles))),
    ).toBe(true);
    const shards = new Set<string>();
    for (const [share, { groups }] of parts.entries())
      for (const group of groups) {
        shards.add(group.shard);
        expect(group.shard).toMatch(new RegExp(`^shards/s${share}-`));
        const original = index.groups.find(({ group_id: id }) => id === group.group_id)!;
        expect(await readGroup(join(folder, `${count}-${share}`), group)).toEqual(
          await readGroup(join(folder, "whole"), original),
        );
      }
    expect(shards.size).toBe(Math.min(count, index.groups.length));
  });

  it("gives each machine about as many cells", async () => {
    const parts = await partsOf(await simulated(), 3);
    const cells = parts.map(({ counted }) => counted.cells);
    const total = cells.reduce((sum, n) => sum + n, 0);
    for (const n of cells) expect(Math.abs(n - total / 3)).toBeLessThan(total / 6);
  });

  it("is refused where a part is of another file, and where the whole had to be rounded too much", async () => {
    const parts = await partsOf(await simulated(), 3);
    const changed = (change: (part: AtlasPart) => Partial<AtlasPart>): AtlasPart[] =>
      parts.map((part) => (part.share.index === 1 ? { ...part, ...change(part) } : part));
    const other = changed(({ atlas }) => ({ atlas: { ...atlas, source_sha256: "other" } }));
    expect(() => joinParts(other, "all.f32")).toThrow(
      expect.objectContaining({ code: "OBJECT_DAMAGED", message: expect.stringMatching(/\.$/) }),
    );
    const rounded = changed(({ counted }) => ({ counted: { ...counted, rounded: 2 } }));
    expect(() => joinParts(rounded, "all.f32")).toThrow(
      expect.objectContaining({ code: "COUNTS_INVALID" }),
    );
    // One cell of a part is much of it, and little of the whole.
    const few = changed(({ counted }) => ({
      counted: { ...counted, cells: 1_000, rounded: 2, zeroCells: 1 },
    }));
    expect(joinParts(few, "all.f32").warnings).toEqual([
      ...parts[0]!.atlas.warnings,
      "Whole counts could not be recovered for 2 cells; theirs were rounded.",
      "1 cells have no counts at all.",
    ]);
  });
});
