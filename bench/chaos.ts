import { parseArgs } from "node:util";
import { isSound } from "./chaos-effects.ts";
import { runChaos } from "./chaos-run.ts";
import { openWireServer } from "./wire-server.ts";

/**
 * Real daemons, really killed: `node bench/chaos.ts --runs 200 --kills 20 [--faults N] [--daemons 2] [--mongodb
 * URI|auto] [--seed N] [--limit SECONDS] [--json]`. Prints one JSON document; exits with 1 unless
 * every run was completed, none was lost, and no job or mail was done twice or without need.
 */
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "200" },
    kills: { type: "string", default: "20" },
    faults: { type: "string", default: "0" },
    daemons: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    limit: { type: "string", default: "1800" },
    mongodb: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const daemons = values.daemons === "2" ? 2 : 1;
if (daemons === 2 && values.mongodb === undefined)
  throw new Error("Two daemons need --mongodb: an SQLite file has one daemon.");

const server = values.mongodb === undefined ? undefined : await openWireServer(values.mongodb);
try {
  const result = await runChaos({
    runs: Number(values.runs),
    kills: Number(values.kills),
    faults: Number(values.faults),
    seed: Number(values.seed),
    daemons,
    ...(server === undefined ? {} : { mongodbUri: server.uri }),
    limitSeconds: Number(values.limit),
    log: (text) => console.error(text),
  });
  const {
    runs,
    completed,
    lost,
    duplicate_jobs,
    duplicate_mails,
    kills,
    seconds,
    failed,
    ...others
  } = result;
  const printed = {
    runs,
    completed,
    lost: lost.length,
    duplicate_jobs,
    duplicate_mails,
    kills,
    seconds: Math.round(seconds * 10) / 10,
    failed: failed.length,
    ...others,
    store: server === undefined ? "sqlite" : "mongodb",
    daemons,
    seed: Number(values.seed),
  };
  console.log(JSON.stringify(printed, null, values.json ? 0 : 1));
  for (const problem of [
    ...lost.map((run) => `lost: ${run}`),
    ...failed.map((run) => `failed: ${run}`),
  ])
    console.error(problem);
  process.exitCode = isSound(result) ? 0 : 1;
} finally {
  await server?.stop();
}
