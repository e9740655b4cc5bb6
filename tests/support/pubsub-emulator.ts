import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describeWith, placeOf } from "./describe-with.ts";
import { freePort } from "./free-port.ts";
import { PUBSUB } from "./real-parts.ts";

/**
 * Google's Pub/Sub emulator: the jar named by PUBSUB_EMULATOR_JAR, or the one beside the `gcloud`
 * on the PATH. Needs Java.
 */

/** A suite on the Pub/Sub emulator. */
export const describeWithPubsub = describeWith(PUBSUB);

export interface PubsubEmulator {
  /** host:port; stays the same over a restart. */
  readonly host: string;
  /** SIGKILL. Topics, subscriptions and messages are lost. */
  kill(): Promise<void>;
  /** Starts it again, empty. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * The shell ends Java when its input closes, so that no emulator outlives a killed test process.
 */
const WATCHED =
  'java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx512m -jar "$0" --host=127.0.0.1 --port="$1" <&- & cat > /dev/null; kill -9 $!';

async function launch(port: number): Promise<ChildProcess> {
  const child = spawn("sh", ["-c", WATCHED, placeOf(PUBSUB), String(port)], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  const said: string[] = [];
  await new Promise<void>((listening, failed) => {
    const hear = (line: string): void => {
      said.push(line);
      if (line.includes(`Server started, listening on ${port}`)) listening();
      if (line.includes("BindException")) failed(new Error(`Port ${port} is taken.`));
    };
    createInterface({ input: child.stdout }).on("line", hear);
    createInterface({ input: child.stderr }).on("line", hear);
    child.once("exit", () => failed(new Error(`The Pub/Sub emulator ended: ${said.join(" ")}`)));
  });
  return child;
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "close");
  process.kill(-child.pid, "SIGKILL");
  await exited;
}

export async function startPubsubEmulator(): Promise<PubsubEmulator> {
  const port = await freePort();
  let child = await launch(port);
  return {
    host: `127.0.0.1:${port}`,
    kill: () => killGroup(child),
    async restart() {
      child = await launch(port);
    },
    stop: () => killGroup(child),
  };
}
