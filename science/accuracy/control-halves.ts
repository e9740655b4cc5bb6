import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { HaystackError } from "../../errors.ts";
import type { CellGroup, OpenAtlas } from "../atlas/atlas-index.ts";
import { readGroup } from "../atlas/read-group.ts";
import { meanProfile } from "../atlas/profile.ts";
import { halvesOf } from "../atlas/withhold.ts";
import { takeRows } from "../prompting/csr-rows.ts";
import { isAskedPerturbation, isTheAnswer, perturbedGroups } from "../prompting/retrieval.ts";
import type { StructuredQuery } from "../query/structured-query.ts";

/**
 * Control cells in halves: one stands for the query, from the other the truth is measured, so that
 * the noise of one is not taken for agreement with the other.
 */

/** Controls of the perturbed groups of most cells; each is a file to read. */
const MOST_GROUPS = 120;
/** The halves belong to the atlas and not to a run. */
const SEED = 1;

/** Mean profiles of the two halves of a control group, length n_genes. */
export type Halves = readonly [query: Float32Array, truth: Float32Array];
/** By group id. */
export type ControlHalves = ReadonlyMap<string, Halves>;

/** The matched controls of measured responses to the asked perturbation, the answer left out. */
export function controlsToSplit(query: StructuredQuery, atlas: OpenAtlas): CellGroup[] {
  const measured = perturbedGroups([atlas])
    .filter(({ group }) => isAskedPerturbation(query, group) && !isTheAnswer(query, group))
    .toSorted((a, b) => b.group.n_cells - a.group.n_cells);
  const controls = new Set(measured.flatMap(({ control }) => control ?? []));
  return [...controls].filter(({ n_cells }) => n_cells > 1).slice(0, MOST_GROUPS);
}

/** Of all that the halves rest on: equal digests, equal halves. */
export const halvesDigest = ({ index }: OpenAtlas, groups: readonly CellGroup[]): string =>
  createHash("sha256")
    .update(
      JSON.stringify([
        SEED,
        index.source_sha256,
        index.columns,
        index.genes,
        groups.map(({ group_id, n_cells, rows }) => [group_id, n_cells, rows && [...rows]]),
      ]),
    )
    .digest("hex");

/** Writes the halves of the groups, float32, group by group. Costs the cells of the groups. */
export async function writeHalves(
  { dir }: OpenAtlas,
  groups: readonly CellGroup[],
  output: string,
): Promise<void> {
  const profiles: Float32Array[] = [];
  for (const group of groups) {
    const { counts } = await readGroup(dir, group);
    for (const rows of halvesOf(group, SEED)) profiles.push(meanProfile(takeRows(counts, rows)));
  }
  writeFileSync(output, Buffer.concat(profiles.map((one) => new Uint8Array(one.buffer))));
}

/** @throws FILE_DAMAGED */
export function readHalves(
  path: string,
  { index }: OpenAtlas,
  groups: readonly string[],
): ControlHalves {
  const bytes = readFileSync(path);
  const size = index.n_genes;
  if (bytes.byteLength !== groups.length * 2 * size * 4)
    throw new HaystackError(
      "FILE_DAMAGED",
      `${path} does not hold the halves of ${groups.length} control groups; remove it, and it is made again.`,
    );
  const all = new Float32Array(groups.length * 2 * size);
  new Uint8Array(all.buffer).set(bytes);
  const half = (at: number) => all.subarray(at * size, (at + 1) * size);
  return new Map(groups.map((group, i) => [group, [half(2 * i), half(2 * i + 1)]]));
}
