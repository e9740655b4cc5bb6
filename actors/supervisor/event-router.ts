import { runOfJob } from "../../machines/job-id.ts";
import type { JobChanged } from "../../services/job-events/index.ts";
import type { InboxEvent, RunStore } from "../../services/runs/index.ts";
import { isRunJob } from "./dispatch.ts";
import type { Instruments } from "../instruments.ts";
import type { RunHost } from "../host/run-host.ts";

/**
 * How events reach their runs.
 *
 * Owns: that an event is stored before it is handed to its run (D5).
 * Does not own: which runs are hosted; what an event does.
 */
export interface EventRouter {
  /** Stores the event, then hands it over if the run is hosted here. */
  deliver(runId: string, event: InboxEvent): Promise<Delivery>;
  /** The same for the news of a job; those of no run of ours are counted. */
  take(event: JobChanged): Promise<void>;
  /** Hands hosted runs what others stored for them, cancellations by other programs too. */
  collect(): Promise<void>;
}

type Delivery = "stored" | "duplicate" | "unknown_run";

export interface EventRouterOptions {
  readonly store: Pick<RunStore, "deliver" | "pending">;
  readonly owner: string;
  readonly hosts: ReadonlyMap<string, RunHost>;
  /** An event is stored for a run that is not hosted here. */
  readonly onUnhosted: (runId: string) => void;
  readonly taken: Instruments["jobEventTaken"];
}

export function createEventRouter({
  store,
  owner,
  hosts,
  onUnhosted,
  taken,
}: EventRouterOptions): EventRouter {
  const deliver = async (runId: string, event: InboxEvent): Promise<Delivery> => {
    const asked = hosts.get(runId);
    const result = await store.deliver(runId, event);
    const host = hosts.get(runId);
    if (result === "stored" && host !== undefined && host === asked) host.deliver(event);
    else if (result === "stored" && host === undefined) onUnhosted(runId);
    return result;
  };
  return {
    deliver,
    async take({ event_id, job_id, state }) {
      const runId = runOfJob(job_id);
      const unstored = isRunJob(job_id) ? "run_job" : "foreign_job";
      const outcome =
        runId === undefined
          ? unstored
          : await deliver(runId, { id: event_id, event: { type: "job.changed", job_id, state } });
      taken?.(outcome);
    },
    /**
     * An answer about a run that was hosted anew since the question is out of date: its events may
     * be consumed by now.
     */
    async collect() {
      const asked = new Map(hosts);
      for (const { run_id, inbox, status } of await store.pending(owner)) {
        const host = hosts.get(run_id);
        if (host !== asked.get(run_id)) continue;
        for (const event of inbox) host?.deliver(event);
        if (
          status === "cancelled" &&
          host?.settled() === true &&
          host.document().status !== "cancelled"
        )
          host.cancelledOutside();
      }
    },
  };
}
