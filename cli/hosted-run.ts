import type { Daemon } from "../daemon.ts";
import type { Config } from "../config.ts";
import type { RunDocument } from "../services/runs/document.ts";
import { note } from "./output.ts";
import { withProgress, type Progress } from "./progress.ts";
import { cancelOnInterrupt } from "./runs/interrupts.ts";
import type { Ended } from "./runs/operations.ts";

/** Opens a daemon for runs of this command alone, with progress, and closes it whatever happens. */
export function withDaemon<Result>(
  config: Config,
  work: (daemon: Daemon, progress: Progress) => Promise<Result>,
): Promise<Result> {
  return withProgress(async (progress) => {
    const { openDaemon } = await import("../daemon.ts");
    const daemon = await openDaemon(config, {
      sweeps: false,
      onCommitted: (document) => progress.show(document),
      onTrouble: (error) => note(`haystack: ${error.message}`),
      onNotice: (sentence) => note(`haystack: ${sentence}`),
    });
    try {
      return await work(daemon, progress);
    } finally {
      progress.end();
      await daemon.close();
    }
  });
}

/** Waits for the run's end in this process; an interrupt cancels it. */
export function followToEnd(
  daemon: Daemon,
  runId: string,
  begin: () => Promise<void>,
): Promise<Ended> {
  const cancel = (): Promise<unknown> =>
    daemon.supervisor.deliver(runId, {
      id: `cancel-${runId}-${process.pid}`,
      event: { type: "cancel.requested" },
    });
  return cancelOnInterrupt(runId, cancel, async () => {
    const settled = daemon.supervisor.settled(runId);
    await begin();
    return settled;
  });
}

export function exitCodeOf({ status }: Pick<RunDocument, "status">): number {
  if (status === "completed") return 0;
  return status === "cancelled" ? 130 : 1;
}
