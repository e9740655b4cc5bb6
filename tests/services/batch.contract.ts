import { describe, expect, onTestFinished, test } from "vitest";
import {
  type BatchService,
  type InferenceJobSpec,
  type InferencePair,
  type JobState,
  TERMINAL_JOB_STATES,
} from "../../services/batch/index.ts";
import type { JobChanged } from "../../services/job-events/index.ts";
import type { Behaviour } from "./inference-program.ts";

export interface BatchHarness {
  readonly batch: BatchService;
  /** Of the program the service sees its exit code, but neither its last words nor its files. */
  readonly seesExitCodeOnly?: boolean;
  /** Collects the events of the service. */
  readonly events: EventLog;
  /**
   * Stores the inputs of the job: a manifest, a query, and for each pair a prompt that tells
   * tests/services/inference-program.ts what to do.
   */
  readonly putInputs: (
    spec: InferenceJobSpec,
    behaviour: Behaviour,
    ...others: readonly Behaviour[]
  ) => Promise<void>;
  /** The output's text; undefined when absent. */
  readonly output: (spec: InferenceJobSpec) => Promise<string | undefined>;
  /** Resolves when the program of the job has begun. */
  readonly started: (spec: InferenceJobSpec) => Promise<unknown>;
  /** How often the program has begun with the job's first pair, or with another one. */
  readonly runs: (spec: InferenceJobSpec, pair?: InferencePair) => Promise<number>;
  /** A file that does not exist; `release` creates it. */
  readonly gate: () => { readonly file: string; readonly release: () => Promise<void> };
}

export interface EventLog {
  readonly seen: JobChanged[];
  readonly onChange: (event: JobChanged) => void;
  /** Resolves with the event of the job that has one of the states, past or to come. */
  readonly until: (
    jobId: string,
    states: ReadonlySet<JobState> | readonly JobState[],
  ) => Promise<JobChanged>;
}

export function eventLog(): EventLog {
  const seen: JobChanged[] = [];
  const waiting = new Set<() => void>();
  return {
    seen,
    onChange(event) {
      seen.push(event);
      for (const check of waiting) check();
    },
    until(jobId, states) {
      const wanted = new Set(states);
      const { promise, resolve } = Promise.withResolvers<JobChanged>();
      const check = (): void => {
        const found = seen.find((event) => event.job_id === jobId && wanted.has(event.state));
        if (found === undefined) return;
        waiting.delete(check);
        resolve(found);
      };
      waiting.add(check);
      check();
      return promise;
    },
  };
}

let jobs = 0;

export const pairIn = (folder: string, prefix = ""): InferencePair => ({
  name: `${prefix}prediction`,
  prompt: `${folder}/${prefix}prompt.h5ad`,
  query: `${folder}/query.h5ad`,
  output: `${folder}/${prefix}predictions.h5ad`,
});

/** The first pair of a job; most have no other. */
export function pairOf({ pairs }: InferenceJobSpec): InferencePair {
  const [pair] = pairs;
  if (pair === undefined) throw new Error("The job has no pair.");
  return pair;
}

export function jobSpec(changes: Partial<InferenceJobSpec> = {}): InferenceJobSpec {
  const id = `run-${process.pid}-${++jobs}`;
  const folder = `batch-io/${id}/iter_1`;
  return {
    job_id: `${id}-1-prediction-1`,
    run_id: id,
    iteration: 1,
    kind: "prediction",
    attempt: 1,
    pairs: [pairIn(folder)],
    manifest: `${folder}/manifest.json`,
    seed: 42,
    max_run_seconds: 600,
    ...changes,
  };
}

/** What every batch service keeps to. Intermediate states may be skipped; the end may not. */
export function batchContract(adapter: string, make: () => Promise<BatchHarness>): void {
  const open = async (): Promise<BatchHarness> => {
    const harness = await make();
    onTestFinished(() => harness.batch.close());
    return harness;
  };

  describe(`batch: ${adapter}`, () => {
    test("a job runs to SUCCEEDED, writes its output, and its events have unique ids", async () => {
      const harness = await open();
      const spec = jobSpec();
      await harness.putInputs(spec, {});
      const submitted = await harness.batch.submit(spec);
      expect(submitted.job_id).toBe(spec.job_id);
      expect((await harness.events.until(spec.job_id, TERMINAL_JOB_STATES)).state).toBe(
        "SUCCEEDED",
      );
      const status = await harness.batch.get(spec.job_id);
      expect(status).toStrictEqual({
        job_id: spec.job_id,
        state: "SUCCEEDED",
        run_seconds: expect.any(Number) as number,
      });
      expect(status?.run_seconds).toBeGreaterThan(0);
      expect(JSON.parse((await harness.output(spec)) ?? "")).toStrictEqual({
        query: "query cells",
        seed: "42",
        environment: expect.any(Object) as object,
      });
      expect(new Set(harness.events.seen.map((event) => event.event_id)).size).toBe(
        harness.events.seen.length,
      );
    });

    test("a job of several pairs predicts each, and its next attempt none that was stored", async () => {
      const harness = await open();
      const first = jobSpec();
      const folder = first.manifest.slice(0, first.manifest.lastIndexOf("/"));
      const pairs = ["", "control_", "second_"].map((prefix) => pairIn(folder, prefix));
      const attempt = (number: number): InferenceJobSpec => ({
        ...first,
        kind: "round",
        attempt: number,
        job_id: `${first.run_id}-round-${number}`,
        pairs,
      });
      const ended = async (number: number, ...behaviours: Behaviour[]): Promise<unknown[]> => {
        const [behaviour = {}, ...others] = behaviours;
        await harness.putInputs(attempt(number), behaviour, ...others);
        await harness.batch.submit(attempt(number));
        const { state } = await harness.events.until(attempt(number).job_id, TERMINAL_JOB_STATES);
        const runs = pairs.map((pair) => harness.runs(attempt(number), pair));
        return [state, ...(await Promise.all(runs))];
      };
      expect(await ended(1, {}, { exit: 1, noOutput: true }, {})).toEqual(["FAILED", 1, 1, 0]);
      expect(await ended(2, {}, {}, { exit: 1, noOutput: true })).toEqual(["FAILED", 1, 2, 1]);
      expect(await ended(3, {}, {}, {})).toEqual(["SUCCEEDED", 1, 2, 2]);
    });

    test("a program that ends with an error fails the job as application, with its exit code and last words", async () => {
      const harness = await open();
      const spec = jobSpec();
      await harness.putInputs(spec, {
        exit: 3,
        stderr: "Loading\nCUDA out of memory: 20 GiB asked\n\n",
      });
      await harness.batch.submit(spec);
      await harness.events.until(spec.job_id, ["FAILED"]);
      const status = await harness.batch.get(spec.job_id);
      const reason =
        harness.seesExitCodeOnly === true ? "exit code 3" : "CUDA out of memory: 20 GiB asked";
      expect(status).toStrictEqual({
        job_id: spec.job_id,
        state: "FAILED",
        failure: {
          kind: "application",
          reason: expect.stringContaining(reason) as string,
          exit_code: 3,
          repeats: "never",
        },
        run_seconds: expect.any(Number) as number,
      });
    });

    test("success without an output file is a failure to a service that sees files", async () => {
      const harness = await open();
      const spec = jobSpec();
      await harness.putInputs(spec, { noOutput: true });
      await harness.batch.submit(spec);
      await harness.events.until(spec.job_id, TERMINAL_JOB_STATES);
      expect((await harness.batch.get(spec.job_id))?.failure?.kind).toBe(
        harness.seesExitCodeOnly === true ? undefined : "application",
      );
    });

    test("a job without its inputs fails", async () => {
      const harness = await open();
      const spec = jobSpec();
      await harness.batch.submit(spec);
      await harness.events.until(spec.job_id, ["FAILED"]);
      expect((await harness.batch.get(spec.job_id))?.failure?.kind).toBe("application");
    });

    test("a job over its time is stopped and fails as over_time", async () => {
      const harness = await open();
      const spec = jobSpec({ max_run_seconds: 1 });
      await harness.putInputs(spec, { until: harness.gate().file });
      await harness.batch.submit(spec);
      await harness.events.until(spec.job_id, ["FAILED"]);
      const status = await harness.batch.get(spec.job_id);
      expect(status?.failure?.kind).toBe("over_time");
      expect(status?.run_seconds).toBeGreaterThanOrEqual(1);
    });

    test("submitting again adopts the job, at once or after its end; the program runs once", async () => {
      const harness = await open();
      const spec = jobSpec();
      await harness.putInputs(spec, {});
      await Promise.all([
        harness.batch.submit(spec),
        harness.batch.submit(spec),
        harness.batch.submit(spec),
      ]);
      await harness.events.until(spec.job_id, TERMINAL_JOB_STATES);
      expect((await harness.batch.submit(spec)).state).toBe("SUCCEEDED");
      expect(await harness.runs(spec)).toBe(1);
    });

    test("the job of another run is JOB_NOT_OURS", async () => {
      const harness = await open();
      const spec = jobSpec();
      await harness.putInputs(spec, {});
      await harness.batch.submit(spec);
      await expect(harness.batch.submit({ ...spec, run_id: "another" })).rejects.toMatchObject({
        code: "JOB_NOT_OURS",
      });
      expect((await harness.events.until(spec.job_id, TERMINAL_JOB_STATES)).state).toBe(
        "SUCCEEDED",
      );
    });

    test("the job of the run for other inputs is JOB_NOT_OURS; one that does not say for which is taken", async () => {
      const harness = await open();
      const spec = jobSpec();
      const inputs = "a".repeat(64);
      await harness.putInputs(spec, {});
      await harness.batch.submit({ ...spec, inputs });
      await expect(harness.batch.submit({ ...spec, inputs: "b".repeat(64) })).rejects.toMatchObject(
        { code: "JOB_NOT_OURS" },
      );
      for (const again of [{ ...spec, inputs }, spec])
        expect((await harness.batch.submit(again)).job_id).toBe(spec.job_id);
      const older = jobSpec();
      await harness.putInputs(older, {});
      await harness.batch.submit(older);
      expect((await harness.batch.submit({ ...older, inputs })).job_id).toBe(older.job_id);
      for (const { job_id } of [spec, older])
        await harness.events.until(job_id, TERMINAL_JOB_STATES);
    });

    test("cancelling a running job ends it as CANCELLED; cancelling again or an ended job is no error", async () => {
      const harness = await open();
      const spec = jobSpec();
      await harness.putInputs(spec, { until: harness.gate().file });
      await harness.batch.submit(spec);
      await harness.started(spec);
      await harness.batch.cancel(spec.job_id);
      expect(["CANCELLATION_IN_PROGRESS", "CANCELLED"]).toContain(
        (await harness.batch.get(spec.job_id))?.state,
      );
      await harness.batch.cancel(spec.job_id);
      expect((await harness.events.until(spec.job_id, TERMINAL_JOB_STATES)).state).toBe(
        "CANCELLED",
      );
      await harness.batch.cancel(spec.job_id);
      expect((await harness.batch.get(spec.job_id))?.state).toBe("CANCELLED");
      expect(await harness.output(spec)).toBeUndefined();
    });

    test("cancelling right after submitting ends the job as CANCELLED", async () => {
      const harness = await open();
      const spec = jobSpec();
      await harness.putInputs(spec, { until: harness.gate().file });
      await harness.batch.submit(spec);
      await harness.batch.cancel(spec.job_id);
      expect((await harness.events.until(spec.job_id, TERMINAL_JOB_STATES)).state).toBe(
        "CANCELLED",
      );
    });

    test("unknown jobs: get is undefined, cancel is no error; a bad id is USAGE at submit", async () => {
      const { batch } = await open();
      for (const id of ["no-such-job", "../../etc", "UPPER", ""]) {
        expect(await batch.get(id)).toBeUndefined();
        await batch.cancel(id);
      }
      for (const id of ["", "../x", "Upper", "1st", "ends-", "x".repeat(64)]) {
        await expect(batch.submit(jobSpec({ job_id: id }))).rejects.toMatchObject({
          code: "USAGE",
        });
      }
    });

    test("aborted calls are STEP_ABORTED", async () => {
      const { batch } = await open();
      const signal = AbortSignal.abort();
      const spec = jobSpec();
      await expect(batch.submit(spec, signal)).rejects.toMatchObject({ code: "STEP_ABORTED" });
      await expect(batch.get(spec.job_id, signal)).rejects.toMatchObject({ code: "STEP_ABORTED" });
      await expect(batch.cancel(spec.job_id, signal)).rejects.toMatchObject({
        code: "STEP_ABORTED",
      });
      expect(await batch.get(spec.job_id)).toBeUndefined();
    });
  });
}
