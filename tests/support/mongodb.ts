import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { describe } from "vitest";
import { freePort } from "./free-port.ts";

/** A MongoDB server for tests: MONGODB_URI, or one started from .cache/mongodb-wire (made by .ci/mongodb-wire.sh). */

const program = resolve(".cache/mongodb-wire/mongodb-wire");
const given = process.env["MONGODB_URI"];
const present = given !== undefined || existsSync(program);
const hint = "set MONGODB_URI, or run .ci/mongodb-wire.sh to get a server for tests";

if (!present && process.env["CI"] === "true") throw new Error(`CI needs a MongoDB server: ${hint}.`);

if (!present) process.stderr.write(`The MongoDB suites are skipped: ${hint}.\n`);

/** A suite on a MongoDB server. Skipped, and said so, where there is none. */
export const describeWithMongodb: typeof describe.skip = present ? describe : describe.skip;

export interface MongodbServer {
  readonly uri: string;
  /** Absent for MONGODB_URI, which is not ours to stop. */
  readonly own?: {
    /** SIGKILL; the data stay. */
    kill(): Promise<void>;
    /** Starts it again on the same port and data. */
    restart(): Promise<void>;
  };
  stop(): Promise<void>;
}

async function launch(port: number, folder: string): Promise<ChildProcess> {
  const child = spawn(program, [String(port), folder, "with-parent"], { stdio: ["pipe", "pipe", "pipe"] });
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  await new Promise<void>((answering, failed) => {
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`The MongoDB server ended with ${code}: ${errors.join(" ")}`)));
    createInterface({ input: child.stdout }).once("line", () => answering());
  });
  return child;
}

const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null ? Promise.resolve() : new Promise((resolve_) => child.once("exit", () => resolve_()));

export async function startMongodb(): Promise<MongodbServer> {
  if (given !== undefined) return { uri: given, stop: () => Promise.resolve() };
  const folder = await mkdtemp(join(tmpdir(), "haystack-mongodb-"));
  const port = await freePort();
  let child = await launch(port, folder);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended(child);
  };
  const restart = async (): Promise<void> => {
    child = await launch(port, folder);
  };
  return {
    uri: `mongodb://127.0.0.1:${port}`,
    own: { kill, restart },
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
