import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { describe } from "vitest";
import { freePort } from "./free-port.ts";

/**
 * Google's Pub/Sub emulator: the jar named by PUBSUB_EMULATOR_JAR, or the one beside the `gcloud`
 * on the PATH. Needs Java.
 */

const onPath = (program: string): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => existsSync(file));

function findJar(): string | undefined {
  const given = process.env["PUBSUB_EMULATOR_JAR"];
  if (given !== undefined) return existsSync(given) ? given : undefined;
  const gcloud = onPath("gcloud");
  if (gcloud === undefined) return undefined;
  const folder = join(dirname(realpathSync(gcloud)), "..", "platform", "pubsub-emulator", "lib");
  const name = existsSync(folder)
    ? readdirSync(folder).find((file) => /^cloud-pubsub-emulator-.*-all\.jar$/.test(file))
    : undefined;
  return name === undefined ? undefined : join(folder, name);
}

const jar = onPath("java") === undefined ? undefined : findJar();
const hint =
  "install Java and the pubsub-emulator component of the Google Cloud SDK, or set PUBSUB_EMULATOR_JAR";

if (jar === undefined && process.env["CI"] === "true")
  throw new Error(`CI needs the Pub/Sub emulator: ${hint}.`);
if (jar === undefined) process.stderr.write(`The Pub/Sub suites are skipped: ${hint}.\n`);

/** A suite on the Pub/Sub emulator. Skipped, and said so, where there is none. */
export const describeWithPubsub: typeof describe.skip =
  jar === undefined ? describe.skip : describe;

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
  const child = spawn("sh", ["-c", WATCHED, jar ?? "", String(port)], {
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
