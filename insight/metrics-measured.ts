import { Gauge, type GaugeConfiguration, type Registry } from "prom-client";
import { type ErrorCode, type HaystackError, toHaystackError } from "../errors.ts";
import { RUN_PHASES, RUN_STATUSES, type RunDocument } from "../services/runs/document.ts";
import type { OutboxEntry, RunCounts } from "../services/runs/index.ts";

export interface MeasuredSources {
  /** Asked each time that somebody reads the numbers. */
  readonly counts: () => Promise<RunCounts>;
  readonly live: () => readonly (Pick<RunDocument, "current_phase" | "status"> & {
    readonly postponed: ErrorCode | null;
  })[];
  /** Of very many not all. */
  readonly owedMails: () => Promise<readonly Pick<OutboxEntry, "owed_since">[]>;
  /** Milliseconds, as they are in what is stored. */
  readonly now: () => number;
  /** Bytes that may still be written; undefined where the machine does not say. */
  readonly freeBytes: () => number | undefined;
  readonly onTrouble: (error: HaystackError) => void;
}

/**
 * One question to the store for all who ask at the same time; undefined when it gives no answer.
 */
function shared<Answer>(
  question: () => Promise<Answer>,
  onTrouble: MeasuredSources["onTrouble"],
): () => Promise<Answer | undefined> {
  let asked: Promise<Answer | undefined> | undefined;
  const ask = async (): Promise<Answer | undefined> => {
    try {
      return await question();
    } catch (thrown) {
      onTrouble(toHaystackError(thrown));
      return undefined;
    } finally {
      asked = undefined;
    }
  };
  return () => (asked ??= ask());
}

const keep = <Label extends string>(
  registry: Registry,
  gauge: Omit<GaugeConfiguration<Label>, "registers">,
): void => registry.registerMetric(new Gauge({ ...gauge, registers: [] }));

/** The numbers that are measured each time that somebody reads them. */
export function measure(
  registry: Registry,
  { counts, live, owedMails, now, freeBytes, onTrouble }: MeasuredSources,
): void {
  const stored = shared(counts, onTrouble);
  const storedGauge = (name: string, help: string, valueOf: (found: RunCounts) => number) =>
    keep(registry, {
      name,
      help,
      async collect() {
        const found = await stored();
        if (found === undefined) this.remove();
        else this.set(valueOf(found));
      },
    });
  keep(registry, {
    name: "haystack_runs",
    help: "Runs in the store by status",
    labelNames: ["status"],
    async collect() {
      const found = await stored();
      this.reset();
      if (found !== undefined)
        for (const status of RUN_STATUSES) this.set({ status }, found.by_status[status]);
    },
  });
  storedGauge(
    "haystack_runs_unhosted",
    "Runs with status running that are in no daemon's memory",
    ({ unhosted }) => unhosted,
  );
  storedGauge(
    "haystack_runs_with_events",
    "Runs with an event in their inbox",
    ({ with_events }) => with_events,
  );
  storedGauge(
    "haystack_runs_set_aside",
    "Runs that nobody hosts until they are released",
    ({ set_aside }) => set_aside,
  );
  keep(registry, {
    name: "haystack_runs_live",
    help: "Runs in the memory of this daemon by phase",
    labelNames: ["phase"],
    collect() {
      const byPhase = Map.groupBy(live(), ({ current_phase }) => current_phase);
      for (const phase of [...RUN_PHASES, null])
        this.set({ phase: phase ?? "none" }, byPhase.get(phase)?.length ?? 0);
    },
  });
  keep(registry, {
    name: "haystack_runs_hosted",
    help: "Runs in the memory of this daemon by status",
    labelNames: ["status"],
    collect() {
      const held = Map.groupBy(live(), ({ status }) => status);
      for (const status of RUN_STATUSES) this.set({ status }, held.get(status)?.length ?? 0);
    },
  });
  keep(registry, {
    name: "haystack_runs_postponed",
    help: "Runs of this daemon whose step a passing fault has stopped, by error code",
    labelNames: ["code"],
    collect() {
      this.reset();
      for (const { postponed: code } of live()) if (code !== null) this.inc({ code });
    },
  });
  const mailsOwed = shared(owedMails, onTrouble);
  keep(registry, {
    name: "haystack_mails_owed",
    help: "Mails in the store that are owed, counted up to 1,000",
    async collect() {
      const found = await mailsOwed();
      if (found === undefined) this.remove();
      else this.set(found.length);
    },
  });
  keep(registry, {
    name: "haystack_mails_owed_age_seconds",
    help: "Time for which the oldest of these mails has been owed; 0 where none is",
    async collect() {
      const found = await mailsOwed();
      if (found === undefined) return this.remove();
      const oldest = Math.min(now(), ...found.map(({ owed_since }) => owed_since ?? now()));
      this.set((now() - oldest) / 1_000);
    },
  });
  keep(registry, {
    name: "haystack_disk_free_bytes",
    help: "Bytes that may still be written in the data folder",
    collect() {
      const free = freeBytes();
      if (free === undefined) this.remove();
      else this.set(free);
    },
  });
}

/** Seconds since something was done last, or since the start of the daemon. */
export function ageGauge(registry: Registry, name: string, help: string): () => void {
  let last = performance.now();
  keep(registry, {
    name,
    help,
    collect() {
      this.set((performance.now() - last) / 1_000);
    },
  });
  return () => {
    last = performance.now();
  };
}
