import { spawn } from "node:child_process";
import { join } from "node:path";

const COMMAND_LINE = join(import.meta.dirname, "../bin/haystack.mjs");
/** The program that stands for the model. */
export const INFERENCE = join(import.meta.dirname, "chaos-inference.sh");

/** Where the program that stands for the model notes what it does, out of the daemons' reach. */
export const executionsLog = (witness: string): string => join(witness, "executions.log");

/** Small limits and pauses, so that much happens at once and little time is spent waiting. */
export const chaosEnvironment = (witness: string): Record<string, string> => ({
  INFERENCE_COMMAND: `"${INFERENCE}" "${executionsLog(witness)}" {prompt} {query} {output}`,
  INFERENCE_MODEL: "no-change",
  MAX_ACTIVE_RUNS: "12",
  MAX_ACTIVE_RUNS_PER_USER: "6",
  LOCAL_JOBS: "4",
  COMPUTE_PROCESSES: "2",
  RECONCILE_SECONDS: "5",
  POLL_MILLISECONDS: "100",
  LEASE_SECONDS: "10",
  HTTP_PORT: "0",
  LOG_FORMAT: "plain",
  LOG_LEVEL: "info",
});

export interface DaemonProcess {
  /** Resolves once it hosts runs. */
  ready(): Promise<void>;
  /** SIGKILL, then, after `meanwhile`, another one on the same data. */
  killAndRestart(meanwhile?: () => Promise<void>, whom?: "daemon" | "group"): Promise<void>;
  readonly pid: () => number;
  /** SIGTERM, once it hosts runs; resolves with the exit code. */
  stop(): Promise<number | null>;
  /** Ends that nobody asked for. */
  readonly crashes: () => number;
  /** Starts that were refused, in a sentence, as the disk was full. */
  readonly refusedStarts: () => number;
  /** Runs that it moved on, also before a kill. */
  readonly moved: () => ReadonlySet<string>;
}

/** The real daemon as a process of its own; started again whenever it ends. */
export function keepDaemon(
  dataDir: string,
  environment: Readonly<Record<string, string>>,
  log: (text: string) => void,
  said?: (text: string) => void,
): DaemonProcess {
  let crashes = 0;
  let refusedStarts = 0;
  const moved = new Set<string>();
  let expected = false;
  let left = Promise.resolve<number | null>(null);
  let hosts = Promise.resolve();
  let kill: (signal: NodeJS.Signals) => void = () => undefined;
  let pid = 0;

  const start = (): void => {
    const child = spawn(process.execPath, [COMMAND_LINE, "serve", "--data-dir", dataDir], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    pid = child.pid ?? 0;
    expected = false;
    kill = (signal) => child.kill(signal);
    const ready = Promise.withResolvers<void>();
    let hasBegun = false;
    let isRefused = false;
    hosts = ready.promise;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said?.(text);
      if (/hosts the runs of \S+ and answers/.test(text)) {
        hasBegun = true;
        ready.resolve();
      }
      isRefused ||= !hasBegun && /^haystack: .*the disk is full/m.test(text);
      for (const [, runId = ""] of text.matchAll(/run (\S+): .+ -> /g)) moved.add(runId);
      if (/^haystack: /m.test(text)) log(text.trimEnd());
    });
    left = new Promise((resolve) => {
      child.once("exit", (code) => {
        ready.resolve();
        if (!expected) {
          if (isRefused) refusedStarts += 1;
          else crashes += 1;
          log(`The daemon ended by itself with ${code}.`);
          setTimeout(start, 200);
        }
        resolve(code);
      });
    });
  };
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    expected = true;
    kill(signal);
    return left;
  };

  start();
  return {
    ready: () => hosts,
    pid: () => pid,
    async killAndRestart(meanwhile, whom = "daemon") {
      if (whom === "group") {
        expected = true;
        process.kill(-pid, "SIGKILL");
        await left;
      } else await end("SIGKILL");
      await meanwhile?.();
      start();
    },
    async stop() {
      await hosts;
      return end("SIGTERM");
    },
    crashes: () => crashes,
    refusedStarts: () => refusedStarts,
    moved: () => moved,
  };
}
