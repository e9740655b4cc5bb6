import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const PROGRAM = resolve(import.meta.dirname, "../.cache/mongodb-wire/mongodb-wire");

export interface WireServer {
  readonly uri: string;
  stop(): Promise<void>;
}

export const hasWireServer = (): boolean => existsSync(PROGRAM);

/**
 * The MongoDB server of the given address, or one of its own on a new data folder (made by
 * .ci/mongodb-wire.sh).
 */
export async function openWireServer(given: string): Promise<WireServer> {
  if (given !== "auto") return { uri: given, stop: () => Promise.resolve() };
  if (!hasWireServer())
    throw new Error(
      "There is no MongoDB server for tests: run .ci/mongodb-wire.sh, or give an address.",
    );
  const folder = await mkdtemp(join(tmpdir(), "haystack-wire-"));
  const child = spawn(PROGRAM, ["0", folder, "with-parent"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolveEnd) => void child.once("exit", resolveEnd));
  const line = await new Promise<string>((answering, failed) => {
    child.once("error", failed);
    child.once("exit", (code) => failed(new Error(`The MongoDB server ended with ${code}.`)));
    createInterface({ input: child.stdout }).once("line", answering);
  });
  return {
    uri:
      line.match(/mongodb:\/\/\S+/)?.[0] ??
      `mongodb://127.0.0.1:${/(\d+)\D*$/.exec(line)?.[1] ?? ""}`,
    async stop() {
      child.kill("SIGKILL");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
