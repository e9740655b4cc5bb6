import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { writeSimulatedAtlas } from "../science/simulate/simulate-atlas.ts";
import { scoreAtlas } from "./grounding-cases.ts";
import { judgeScores } from "./grounding-measures.ts";

/**
 * Whether the grounding score tells right from wrong predictions, on measured cells (Kang 2018, on
 * which its constants were chosen) and on a simulated atlas (on which they were not). Fails when a
 * figure misses its bound. The measured data are read from HAYSTACK_TEST_DATA.
 */

const SIMULATION = { seed: 11, nGenes: 2_000, cellsPerGroup: 40 };
const SIMULATED_TARGETS = 16;
/** Perturbations without a part in the interferon response. */
const UNRELATED = ["tgf-beta1", "dexamethasone", "il-4", "egf", "cisplatin"];

const folder = await mkdtemp(join(tmpdir(), "haystack-bench-"));
try {
  const simulated = join(folder, "simulated.h5ad");
  await writeSimulatedAtlas(simulated, SIMULATION);
  const kang = join(
    resolve(process.env["HAYSTACK_TEST_DATA"] ?? "../shared/data"),
    "kang18_ifnb_pbmc.h5ad",
  );
  const results = {
    calibration_kang: judgeScores(
      await scoreAtlas({
        source: kang,
        folder: join(folder, "kang"),
        mostTargets: 5,
        otherQuestions: UNRELATED,
      }),
    ),
    held_out_simulated: judgeScores(
      await scoreAtlas({
        source: simulated,
        folder: join(folder, "simulated"),
        mostTargets: SIMULATED_TARGETS,
        otherQuestions: [],
      }),
    ),
  };
  const passed = Object.values(results).every((result) => result.passed);
  if (process.argv.includes("--json"))
    console.log(JSON.stringify({ benchmark: "grounding", passed, ...results }, null, 1));
  else
    for (const [atlas, { figures }] of Object.entries(results))
      for (const [name, value] of Object.entries(figures))
        console.log(`${atlas}: ${name} ${value.toFixed(3)}`);
  process.exitCode = passed ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
