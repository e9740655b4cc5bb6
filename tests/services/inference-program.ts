/**
 * A tiny inference program for the batch contract: `--prompt P --query Q --output O --seed S`. The
 * prompt holds, as JSON, what to do. It says in `{O}.started` (process ids, one a line) when it has
 * begun, and notes each run in `{O}.runs`.
 */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

export interface Behaviour {
  /** Ends only when this file exists. */
  readonly until?: string;
  readonly exit?: number;
  readonly stderr?: string;
  readonly noOutput?: boolean;
  readonly ignoreSigterm?: boolean;
  /** Starts two more processes that never end: one in its group, one in a session of its own. */
  readonly children?: boolean;
  /** Notes "+" and "-" here at begin and end. */
  readonly log?: string;
}

const { values } = parseArgs({
  options: {
    prompt: { type: "string" },
    query: { type: "string" },
    output: { type: "string" },
    seed: { type: "string" },
  },
});
const { prompt = "", query = "", output = "", seed = "" } = values;
const behaviour = JSON.parse(readFileSync(prompt, "utf8")) as Behaviour;

const writeWhole = (file: string, text: string): void => {
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
};

if (behaviour.ignoreSigterm === true) process.on("SIGTERM", () => {});
const pids = [process.pid];
if (behaviour.children === true) {
  for (const detached of [false, true]) {
    const child = spawn(
      process.execPath,
      ["-e", "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)"],
      { detached, stdio: ["ignore", "ignore", "inherit"] },
    );
    if (child.pid !== undefined) pids.push(child.pid);
    child.unref();
  }
}
appendFileSync(`${output}.runs`, "x");
if (behaviour.log !== undefined) appendFileSync(behaviour.log, "+");
writeWhole(`${output}.started`, pids.join("\n"));

function finish(): void {
  if (behaviour.log !== undefined) appendFileSync(behaviour.log, "-");
  if (behaviour.stderr !== undefined) process.stderr.write(behaviour.stderr);
  if (behaviour.noOutput !== true)
    writeWhole(
      output,
      JSON.stringify({ query: readFileSync(query, "utf8"), seed, environment: process.env }),
    );
  process.exitCode = behaviour.exit ?? 0;
}

const { until } = behaviour;
if (until === undefined) finish();
else {
  const timer = setInterval(() => {
    if (!existsSync(until)) return;
    clearInterval(timer);
    finish();
  }, 10);
}
