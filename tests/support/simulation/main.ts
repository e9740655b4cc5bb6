import { parseArgs } from "node:util";
import { simulate } from "./simulate.ts";

/**
 * `npm run simulate -- --seeds N --from K`, or `--seed S` to replay one with its trace. Exit code 1
 * when a seed breaks the contract.
 */

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
  },
});

async function replay(seed: number): Promise<boolean> {
  const { violations, ...result } = await simulate(seed, {
    onTrace: (line) => process.stdout.write(line),
  });
  console.log(JSON.stringify(result));
  for (const violation of violations) console.log(violation);
  return violations.length === 0;
}

async function explore(from: number, count: number): Promise<boolean> {
  const started = performance.now();
  const failing: number[] = [];
  const faults: Record<string, number> = {};
  for (let seed = from; seed < from + count; seed++) {
    const { violations, faults: struck } = await simulate(seed);
    for (const [kind, times] of Object.entries(struck)) faults[kind] = (faults[kind] ?? 0) + times;
    if (violations.length === 0) continue;
    failing.push(seed);
    console.log(
      `seed ${seed} fails: ${violations[0]} (replay: npm run simulate -- --seed ${seed})`,
    );
  }
  const seconds = (performance.now() - started) / 1_000;
  console.log(
    JSON.stringify({
      seeds: count,
      from,
      failing,
      faults,
      seconds: Math.round(seconds),
      seeds_per_second: Math.round((count / seconds) * 10) / 10,
    }),
  );
  return failing.length === 0;
}

const passed =
  values.seed === undefined
    ? await explore(Number(values.from), Number(values.seeds))
    : await replay(Number(values.seed));
process.exitCode = passed ? 0 : 1;
