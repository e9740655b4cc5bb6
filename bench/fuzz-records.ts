import { parseArgs } from "node:util";
import { fuzzRecords } from "../tests/support/record-fuzzer.ts";
import { openWireServer } from "./wire-server.ts";

/**
 * Damaged records beside healthy runs: `npm run fuzz:records -- --seeds 2000 [--from 1] [--mongodb
 * URI|auto] [--json]`. Exits with 1 if a run was left, a healthy one did not finish, or a page
 * answered 5xx.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "500" },
    from: { type: "string", default: "1" },
    mongodb: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const BATCH = 20;
/** The thread of a store keeps no process alive. */
const alive = setInterval(() => undefined, 1_000);
const [count, from] = [Number(values.seeds), Number(values.from)];
const server = values.mongodb === undefined ? undefined : await openWireServer(values.mongodb);
const began = performance.now();
const ended: Record<string, number> = {};
let records = 0;
let pages = 0;
const failures = [];
try {
  for (let first = from; first < from + count; first += BATCH) {
    const seeds = Array.from(
      { length: Math.min(BATCH, from + count - first) },
      (_, index) => first + index,
    );
    const result = await fuzzRecords(seeds, server?.uri);
    records += result.records;
    pages += result.pages;
    failures.push(...result.failures);
    for (const [name, runs] of Object.entries(result.ended))
      ended[name] = (ended[name] ?? 0) + runs;
    for (const { problem } of result.failures) console.error(`seeds ${seeds[0]}-: ${problem}`);
  }
} finally {
  clearInterval(alive);
  await server?.stop();
}
const seconds = Math.round((performance.now() - began) / 1_000);
const result = { records, pages, ended, failures: failures.length, seconds };
console.log(values.json ? JSON.stringify(result) : JSON.stringify(result, null, 2));
if (failures.length > 0) process.exitCode = 1;
