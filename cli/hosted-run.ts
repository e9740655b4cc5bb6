import { openDaemon, type Daemon } from "../daemon.ts";
import type { Config } from "../config.ts";
import type { RunDocument } from "../services/runs/document.ts";
import { note } from "./output.ts";
import { createProgress } from "./progress.ts";

/** Opens a daemon for runs of this command alone, with progress, and closes it whatever happens. */
export async function withDaemon<Result>(config: Config, work: (daemon: Daemon) => Promise<Result>): Promise<Result> {
  const progress = createProgress();
  const daemon = await openDaemon(config, {
    sweeps: false,
    onCommitted: (document) => progress.show(document),
    onTrouble: (error) => note(`haystack: ${error.message}`),
  });
  try {
    return await work(daemon);
  } finally {
    progress.end();
    await daemon.close();
  }
}

/** Waits for the run's end. The first interrupt cancels the run properly; the second leaves at once, and the run can be taken up again. */
export async function followToEnd(daemon: Daemon, runId: string, begin: () => Promise<void>): Promise<{ readonly document: RunDocument; readonly interrupted: boolean }> {
  let interrupts = 0;
  const onInterrupt = (): void => {
    interrupts += 1;
    if (interrupts > 1) process.exit(130);
    note(`Cancelling ${runId}; press Ctrl-C again to leave without waiting.`);
    daemon.supervisor.deliver(runId, { id: `cancel-${runId}-${process.pid}`, event: { type: "cancel.requested" } }).catch((error: unknown) => note(String(error)));
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  try {
    const settled = daemon.supervisor.settled(runId);
    await begin();
    return { document: await settled, interrupted: interrupts > 0 };
  } finally {
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}

export function exitCodeOf({ status }: RunDocument): number {
  if (status === "completed") return 0;
  return status === "cancelled" ? 130 : 1;
}
