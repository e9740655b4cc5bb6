import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describeWith, placeOf } from "./describe-with.ts";
import { freePort } from "./free-port.ts";
import { faultyProxy, type FaultyProxy } from "./gcs-server-faults.ts";
import { GCS } from "./real-parts.ts";

/**
 * fake-gcs-server from .cache/gcs-emulator (made by .ci/gcs-emulator.sh), behind a proxy that plays
 * faults.
 */

/** A suite on a Cloud Storage server. */
export const describeWithGcs = describeWith(GCS);

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
  const child = spawn("sh", ["-c", WATCHED, placeOf(GCS), ...own, ...seen], {
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
