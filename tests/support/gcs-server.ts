import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { describe } from "vitest";
import { freePort } from "./free-port.ts";
import { faultyProxy, type FaultyProxy } from "./gcs-server-faults.ts";

/**
 * fake-gcs-server from .cache/gcs-emulator (made by .ci/gcs-emulator.sh), behind a proxy that plays
 * faults.
 */

const program = resolve(".cache/gcs-emulator/fake-gcs-server");
const present = existsSync(program);
const hint = "run .ci/gcs-emulator.sh to get a Cloud Storage server for tests";

if (!present && process.env["CI"] === "true")
  throw new Error(`CI needs a Cloud Storage server: ${hint}.`);
if (!present) process.stderr.write(`The Cloud Storage suites are skipped: ${hint}.\n`);

/** A suite on a Cloud Storage server. Skipped, and said so, where there is none. */
export const describeWithGcs: typeof describe.skip = present ? describe : describe.skip;

export interface GcsServer extends FaultyProxy {
  makeBucket(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** The shell ends the server when its input closes, so that none outlives a killed test process. */
const WATCHED = '"$0" "$@" <&- & cat > /dev/null; kill -9 $!';

async function launch(port: number, publicPort: number): Promise<ChildProcess> {
  const own = [
    "-backend",
    "memory",
    "-scheme",
    "http",
    "-host",
    "127.0.0.1",
    "-port",
    String(port),
  ];
  const seen = [
    "-public-host",
    `127.0.0.1:${publicPort}`,
    "-external-url",
    `http://127.0.0.1:${publicPort}`,
  ];
  const child = spawn("sh", ["-c", WATCHED, program, ...own, ...seen], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  const said: string[] = [];
  await new Promise<void>((listening, failed) => {
    const hear = (line: string): void => {
      said.push(line);
      if (line.includes("server started")) listening();
    };
    createInterface({ input: child.stdout }).on("line", hear);
    createInterface({ input: child.stderr }).on("line", hear);
    child.once("exit", () => failed(new Error(`fake-gcs-server ended: ${said.join(" ")}`)));
  });
  return child;
}

export async function startGcs(): Promise<GcsServer> {
  const port = await freePort();
  const proxy = await faultyProxy(port);
  const child = await launch(port, Number(new URL(proxy.url).port));
  return {
    ...proxy,
    async makeBucket(name) {
      const made = await fetch(`${proxy.url}/storage/v1/b?project=p`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ name }),
      });
      if (!made.ok) throw new Error(`No bucket ${name}: ${await made.text()}`);
      await made.arrayBuffer();
    },
    async stop() {
      await proxy.close();
      const exited = once(child, "close");
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      await exited;
    },
  };
}
