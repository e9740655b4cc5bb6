import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { readH5ad } from "../../science/anndata/read.ts";
import { writeH5ad } from "../../science/anndata/write.ts";
import { importAtlas } from "../../science/atlas/import.ts";
import type { OpenAtlas } from "../../science/atlas/atlas-index.ts";
import { openAtlas } from "../../science/atlas/open.ts";
import { FETCHED_SHARD } from "../../science/atlas/write-shard.ts";
import { deltaTransfer } from "../../science/inference/delta-transfer.ts";
import { loadKnowledge } from "../../science/knowledge/load.ts";
import { labelResolver } from "../../science/knowledge/resolve.ts";
import { choosePrompt } from "../../science/prompting/choose-prompt.ts";
import { drawCells } from "../../science/prompting/draw-cells.ts";
import { understandQuestion } from "../../science/query/understand.ts";
import { writeSource } from "./source.ts";

const QUESTION = "How would CD14+ monocytes respond to IFN-beta?";

export const placesIn = (folder: string) => ({
  source: join(folder, "source.h5ad"),
  atlas: join(folder, "atlas"),
  bucket: join(folder, "bucket"),
});

/** Bytes that this process has asked of files so far; null where the system does not count them. */
function bytesRead(): number | null {
  try {
    return Number(/^rchar: (\d+)/.exec(readFileSync("/proc/self/io", "utf8"))?.[1]);
  } catch {
    return null;
  }
}

function since(earlier: number | null): number | null {
  const now = bytesRead();
  return now === null || earlier === null ? null : now - earlier;
}

const secondsOf = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1e6;

type Figures = Readonly<Record<string, number | null>>;

const planOf = (atlas: OpenAtlas) =>
  choosePrompt({
    query: understandQuestion(QUESTION, [atlas.index]),
    atlases: [atlas],
    knowledge: loadKnowledge(),
    history: [],
    controlStrategy: "synthetic_control",
    promptCells: 512,
    queryCells: 1_000,
    seed: 1,
  });

/** The stages, each for a process of its own. */
const STAGES = {
  source: async (folder: string, cells: number): Promise<Figures> => ({
    values: await writeSource(placesIn(folder).source, cells),
  }),
  async import(folder: string): Promise<Figures> {
    const { source, atlas } = placesIn(folder);
    const { groups } = await importAtlas({ source, outDir: atlas }, labelResolver(loadKnowledge()));
    return { groups: groups.length, shards: new Set(groups.map(({ shard }) => shard)).size };
  },
  /** What is fetched for the question from a bucket, where shards are smaller. */
  async fetched(folder: string): Promise<Figures> {
    const { source, bucket } = placesIn(folder);
    const known = labelResolver(loadKnowledge());
    await importAtlas({ source, outDir: bucket, shardValues: FETCHED_SHARD }, known);
    const atlas = await openAtlas(bucket);
    const { chosen, query_parts: asked } = planOf(atlas);
    const ids = new Set([...chosen.parts, ...asked].map(({ group_id: id }) => id));
    const drawn = atlas.index.groups.filter(({ group_id: id }) => ids.has(id));
    const bytesOf = (name: string): number => statSync(join(bucket, name)).size;
    const shards = [...new Set(drawn.map(({ shard }) => shard))];
    return {
      shards: new Set(atlas.index.groups.map(({ shard }) => shard)).size,
      fetched_shards: shards.length,
      fetched_shard_bytes: shards.reduce((total, shard) => total + bytesOf(shard), 0),
      fetched_profile_bytes: bytesOf(atlas.index.profiles),
      fetched_index_bytes: bytesOf("index.json"),
    };
  },
  async question(folder: string): Promise<Figures> {
    const atlas = await openAtlas(placesIn(folder).atlas);
    const opened = bytesRead();
    understandQuestion(QUESTION, [atlas.index]);
    // The lists of names, which a process reads once whatever it is asked.
    const lists = since(opened);
    const plan = planOf(atlas);
    const draw = async (name: string, parts: typeof plan.query_parts) => {
      const path = join(folder, `${name}.h5ad`);
      await writeH5ad(path, await drawCells({ parts, atlases: [atlas], seed: 1 }));
      return path;
    };
    const groups = new Set(
      [...plan.chosen.parts, ...plan.query_parts].map((part) => part.group_id),
    );
    const [prompt, asked] = [
      await draw("prompt", plan.chosen.parts),
      await draw("query", plan.query_parts),
    ];
    const figures = { groups_read: groups.size, bytes_read: since(lists) };
    deltaTransfer(await readH5ad(prompt), await readH5ad(asked));
    return figures;
  },
};

export type StageName = keyof typeof STAGES;
export const isStage = (name: string | undefined): name is StageName =>
  name !== undefined && Object.hasOwn(STAGES, name);

/** Runs a stage and prints its figures with seconds and peak memory. */
export async function runStage(name: StageName, folder: string, cells: number): Promise<void> {
  const before = bytesRead();
  const started = performance.now();
  const cpu = process.cpuUsage();
  const { bytes_read: read, ...figures } = await STAGES[name](folder, cells);
  console.log(
    JSON.stringify({
      seconds: (performance.now() - started) / 1_000,
      cpu_seconds: secondsOf(process.cpuUsage(cpu)),
      peak_memory_mb: process.resourceUsage().maxRSS / 1_024,
      ...figures,
      ...(read === undefined || read === null || before === null
        ? {}
        : { bytes_read: read - before }),
    }),
  );
}
