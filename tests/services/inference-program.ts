/**
 * A tiny inference program for the batch contract: `--prompt P --query Q --output O --seed S`, or
 * `--manifest M --seed S` for one pair after another, but for those that it has done. The prompt
 * holds, as JSON, what to do. It says in `{O}.started` (process ids, one a line) when it has
 * begun, and notes each run in `{O}.runs`.
 */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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

interface Pair {
  readonly prompt: string;
  readonly query: string;
  readonly output: string;
}

const { values } = parseArgs({
  options: {
    manifest: { type: "string" },
    prompt: { type: "string", default: "" },
    query: { type: "string", default: "" },
    output: { type: "string", default: "" },
    seed: { type: "string", default: "" },
  },
});
const { manifest, seed } = values;

const writeWhole = (file: string, text: string): void => {
  writeFileSync(`${file}.part`, text);
  renameSync(`${file}.part`, file);
};

const pids = [process.pid];

function begin({ output }: Pair, behaviour: Behaviour): void {
  if (behaviour.ignoreSigterm === true) process.on("SIGTERM", () => {});
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
}

/** False when no further pair is to be predicted. */
function finish({ query, output }: Pair, behaviour: Behaviour): boolean {
  if (behaviour.log !== undefined) appendFileSync(behaviour.log, "-");
  if (behaviour.stderr !== undefined) process.stderr.write(behaviour.stderr);
  if (behaviour.noOutput !== true)
    writeWhole(
      output,
      JSON.stringify({ query: readFileSync(query, "utf8"), seed, environment: process.env }),
    );
  process.exitCode = behaviour.exit ?? 0;
  return process.exitCode === 0;
}

const fileExists = (file: string): Promise<void> =>
  new Promise((resolve) => {
    const timer = setInterval(() => {
      if (!existsSync(file)) return;
      clearInterval(timer);
      resolve();
    }, 10);
  });

const isDone = ({ output }: Pair): boolean => manifest !== undefined && existsSync(output);

async function predict(pair: Pair): Promise<boolean> {
  if (isDone(pair)) return true;
  const behaviour = JSON.parse(readFileSync(pair.prompt, "utf8")) as Behaviour;
  begin(pair, behaviour);
  if (behaviour.until !== undefined) await fileExists(behaviour.until);
  return finish(pair, behaviour);
}

const listed = (file: string): readonly Pair[] =>
  (JSON.parse(readFileSync(file, "utf8")) as { readonly pairs: readonly Pair[] }).pairs.map(
    ({ prompt, query, output }) => ({
      prompt: join(dirname(file), prompt),
      query: join(dirname(file), query),
      output: join(dirname(file), output),
    }),
  );

for (const pair of manifest === undefined ? [values] : listed(manifest))
  if (!(await predict(pair))) break;
