import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { placeOf } from "./describe-with.ts";
import { PYTHON } from "./real-parts.ts";

/** What stdout and stderr of a command can be. */
export const OUTPUTS = ["terminal", "0 columns", "pipe", "closed pipe", "file"] as const;
export type OutputKind = (typeof OUTPUTS)[number];

export interface Shown {
  readonly code: number | null;
  /** stdout and stderr; empty where nobody reads. */
  readonly text: string;
}

export interface Started {
  readonly ended: Promise<Shown>;
  /** Resolves when this text is shown; at once where nobody reads. */
  shows(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** The reader of stdout and stderr goes away. */
  stopReading(): void;
}

const COLUMNS: Partial<Record<OutputKind, string>> = { terminal: "80", "0 columns": "0" };

/** Starts `haystack` with this kind of output. */
export async function startOn(
  kind: OutputKind,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const command = [process.execPath, resolve("bin/haystack.mjs"), ...args];
  const columns = COLUMNS[kind];
  const [program = "", ...given] =
    columns === undefined
      ? command
      : [placeOf(PYTHON), resolve("tests/support/on-terminal.py"), columns, ...command];
  const folder = await mkdtemp(join(tmpdir(), "haystack-output-"));
  const file = join(folder, "output");
  const handle = kind === "file" ? await open(file, "w") : undefined;
  const stdio: StdioOptions =
    handle === undefined ? ["ignore", "pipe", "pipe"] : ["ignore", handle.fd, handle.fd];
  const child = spawn(program, given, {
    env: { ...process.env, TERM: "xterm-256color", ...env },
    stdio,
  });
  const reading = read(child, kind === "closed pipe");
  const ended = once(child, "close").then(async ([code]) => {
    await handle?.close();
    const text = kind === "file" ? await readFile(file, "utf8") : reading.text();
    await rm(folder, { recursive: true });
    return { code: code as number | null, text };
  });
  return {
    ended,
    shows: (text) => (child.stdout?.destroyed === false ? reading.shows(text) : Promise.resolve()),
    kill: (signal) => void child.kill(signal),
    stopReading() {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
  };
}

function read({ stdout, stderr }: ChildProcess, isClosed: boolean) {
  let shown = "";
  const waiting = new Map<string, () => void>();
  for (const stream of [stdout, stderr]) {
    if (isClosed) stream?.destroy();
    else
      stream?.setEncoding("utf8").on("data", (text: string) => {
        shown += text;
        for (const [wanted, found] of waiting) if (shown.includes(wanted)) found();
      });
  }
  return {
    text: () => shown,
    shows: (text: string) =>
      new Promise<void>((found) => {
        waiting.set(text, found);
        if (shown.includes(text)) found();
      }),
  };
}
