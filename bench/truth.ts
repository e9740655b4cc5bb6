import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import pLimit from "p-limit";
import { loadConfig } from "../config.ts";
import { openDaemon, type Daemon } from "../daemon.ts";
import { readH5ad } from "../science/anndata/read.ts";
import { ask } from "./truth/ask.ts";
import { halves, SetCells } from "./truth/cells.ts";
import { judge } from "./truth/judge.ts";
import { references } from "./truth/references.ts";
import { placeOf, SETS, type Target, type TruthSet } from "./truth/sets.ts";
import { meansOf, tableOf, type Judged } from "./truth/summary.ts";
import { without } from "./truth/withhold.ts";

/**
 * The delivered answer against known truth. Of each target the perturbed cells and half of the
 * controls are taken out of the file; the product imports the rest, answers the question, and its
 * file is held against the withheld cells and the other half of the controls. The measured data are
 * read from HAYSTACK_TEST_DATA.
 */

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    sets: { type: "string" },
    /** Targets of each set, spread evenly. */
    most: { type: "string", default: "8" },
    seed: { type: "string", default: "1" },
  },
});
/** Targets in work together. */
const AT_ONCE = 2;
const data = resolve(process.env["HAYSTACK_TEST_DATA"] ?? "../shared/data");
const seed = Number(options.seed);
const wanted = options.sets?.split(",");

async function judgeTarget(
  daemon: Daemon,
  set: TruthSet,
  cells: SetCells,
  { target, folder, number }: { target: Target; folder: string; number: number },
): Promise<Judged> {
  const name = `${set.name}-${number}`;
  const [queried, unseen] = halves(cells.controls(target), seed, name);
  const truth = cells.delta(cells.treated(target), unseen);
  const changed = cells.changed(target);
  const others = cells
    .targets()
    .filter(
      (other) =>
        other.perturbation === target.perturbation &&
        JSON.stringify(other) !== JSON.stringify(target) &&
        (set.withhold === "cell_type" || other.cell_type === target.cell_type),
    );
  const { run, delivered } = await ask(daemon, set, target, {
    atlas: without(cells.adata, [...cells.treated(target), ...unseen]),
    folder,
    dataset: name,
    seed,
  });
  return {
    target,
    cells: [cells.treated(target).length, cells.controls(target).length],
    references: references(cells, target, others, { truth, changed, seed }),
    run: { status: run.status, error: run.error_message, grounding_score: run.final_score },
    product:
      delivered === null ? null : judge(delivered, cells, target, { queried, truth, changed }),
  };
}

const folder = await mkdtemp(join(tmpdir(), "haystack-truth-"));
const daemon = await openDaemon(loadConfig(process.env, join(folder, "data")), {
  sweeps: false,
  onTrouble: (error) => console.error(error.message),
});
const results: Record<string, { mean: ReturnType<typeof meansOf>; targets: readonly Judged[] }> =
  {};
try {
  for (const set of SETS.filter(({ name }) => wanted === undefined || wanted.includes(name))) {
    const cells = new SetCells(set, await readH5ad(placeOf(set, data)));
    const all = cells.targets();
    const most = Math.min(Number(options.most), all.length);
    const judged = await pLimit(AT_ONCE).map(Array.from({ length: most }).keys(), (number) =>
      judgeTarget(daemon, set, cells, {
        target: all[Math.floor((number * all.length) / most)]!,
        folder,
        number,
      }),
    );
    results[set.name] = { mean: meansOf(judged), targets: judged };
    if (!options.json) console.log(tableOf(set.name, judged));
  }
} finally {
  await daemon.close();
  await rm(folder, { recursive: true, force: true });
}
if (options.json) console.log(JSON.stringify({ benchmark: "truth", seed, results }, null, 1));
