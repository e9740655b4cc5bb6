import { parseArgs } from "node:util";
import { given } from "../given.ts";
import { isSound } from "./chaos-effects.ts";
import { runChaos } from "./chaos-run.ts";
import { openWireServer } from "./wire-server.ts";

/**
 * Real daemons, really killed: `node bench/chaos.ts --runs 200 --kills 20 [--faults N] [--prompts N] [--daemons 2]
 * [--mongodb URI|auto] [--seed N] [--limit SECONDS] [--logs FOLDER] [--json]`. Prints one JSON
 * document; exits with 1 unless every run was completed, none was lost, no job or mail was done
 * twice or without need, and nothing was left. Windows of a full disk need root on Linux.
 */
const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "200" },
    kills: { type: "string", default: "20" },
    faults: { type: "string", default: "0" },
    prompts: { type: "string", default: "1" },
    daemons: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    limit: { type: "string", default: "1800" },
    mongodb: { type: "string" },
    logs: { type: "string" },
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
    prompts: Number(values.prompts),
    daemons,
    ...(server === undefined ? {} : { mongodbUri: server.uri }),
    limitSeconds: Number(values.limit),
    ...given({ logFolder: values.logs }),
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
    orphans,
    leftovers,
    ...others
  } = result;
  const printed = {
    runs,
    completed,
    lost: lost.length,
    duplicate_jobs,
    duplicate_mails,
    orphans: orphans.length,
    leftovers: leftovers.length,
    kills,
    seconds: Math.round(seconds * 10) / 10,
    failed: failed.length,
    ...others,
    store: server === undefined ? "sqlite" : "mongodb",
    daemons,
    prompts: Number(values.prompts),
    seed: Number(values.seed),
  };
  console.log(JSON.stringify(printed, null, values.json ? 0 : 1));
  for (const problem of [
    ...lost.map((run) => `lost: ${run}`),
    ...failed.map((run) => `failed: ${run}`),
    ...orphans.map((orphan) => `orphan: ${orphan}`),
    ...leftovers.map((left) => `left: ${left}`),
  ])
    console.error(problem);
  process.exitCode = isSound(result) ? 0 : 1;
} finally {
  await server?.stop();
}
