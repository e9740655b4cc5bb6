import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describeWith } from "./describe-with.ts";
import { freePort } from "./free-port.ts";
import { findServerProgram, type ServerProgram } from "./mongodb-program.ts";
import { MONGODB } from "./real-parts.ts";

/**
 * A MongoDB server for tests: MONGODB_URI, an installed mongod, or the server from
 * .cache/mongodb-wire (made by .ci/mongodb-wire.sh).
 */

const installed = findServerProgram(process.env["PATH"] ?? "");
const given = process.env["MONGODB_URI"];

/** A suite on a MongoDB server. */
export const describeWithMongodb = describeWith(MONGODB);

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

async function launch(program: ServerProgram, port: number, folder: string): Promise<ChildProcess> {
  const child = spawn(program.file, program.arguments(port, folder), {
    stdio: ["pipe", "pipe", "pipe"],
  });
  const killed = (): void => void child.kill("SIGKILL");
  process.once("exit", killed);
  child.once("exit", () => process.off("exit", killed));
  const errors: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => errors.push(line));
  await new Promise<void>((answering, failed) => {
    child.once("error", failed);
    child.once("exit", (code) =>
      failed(
        new Error(`The MongoDB server ${program.file} ended with ${code}: ${errors.join(" ")}`),
      ),
    );
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (program.answering.test(line)) answering();
    });
  });
  return child;
}

const ended = (child: ChildProcess): Promise<void> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve()
    : new Promise((resolve_) => child.once("exit", () => resolve_()));

export async function startMongodb(): Promise<MongodbServer> {
  if (given !== undefined) return { uri: given, stop: () => Promise.resolve() };
  if (installed === undefined) throw new Error(`There is no MongoDB server: ${MONGODB.hint}.`);
  return startServer(installed);
}

export async function startServer(
  program: ServerProgram,
): Promise<MongodbServer & Required<Pick<MongodbServer, "own">>> {
  const folder = await mkdtemp(join(tmpdir(), "haystack-mongodb-"));
  const port = await freePort();
  let child = await launch(program, port, folder);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended(child);
  };
  const restart = async (): Promise<void> => {
    child = await launch(program, port, folder);
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
