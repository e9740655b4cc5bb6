import { createHash } from "node:crypto";
import type { RunStore } from "../../services/runs/index.ts";

/** The step of a run that asks. */
export interface StepKey {
  readonly run_id: string;
  readonly step: "analyze" | "prompt" | "evaluate";
  readonly iteration: number;
}

export interface Journal {
  /** The result under this name: the one on record, or that of `work`, which is on record before it is returned (D7). */
  once<Result>(name: readonly unknown[], work: (key: string) => Promise<Result>): Promise<Result>;
}

/** The journal of one step with one service. Keys are hashes of step, iteration and name: the same question again costs nothing. */
export function journalOf(runs: Pick<RunStore, "journalGet" | "journalPut">, { run_id, step, iteration }: StepKey, service: "model" | "literature"): Journal {
  return {
    async once<Result>(name: readonly unknown[], work: (key: string) => Promise<Result>) {
      const hash = createHash("sha256").update(JSON.stringify([run_id, step, iteration, ...name])).digest("hex");
      const key = `${service}/${step}/${iteration}/${hash.slice(0, 32)}`;
      const known = await runs.journalGet(run_id, key);
      return (known ?? (await runs.journalPut(run_id, key, await work(key)))) as Result;
    },
  };
}
