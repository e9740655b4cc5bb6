import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Compute } from "../../services/compute/index.ts";
import type * as tasks from "./compute-tasks.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export type ContractTasks = typeof tasks;

/** The process id that a task wrote once it ran. */
export async function written(file: string): Promise<number> {
  await expect
    .poll(() => readFile(file, "utf8").catch(() => ""), { timeout: 30_000, interval: 5 })
    .not.toBe("");
  return Number(await readFile(file, "utf8"));
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/**
 * What every compute adapter keeps to. `make` gives a pool of the tasks in compute-tasks.ts with
 * `processes` processes.
 */
export function computeContract(
  adapter: string,
  make: (processes: number) => Compute<ContractTasks>,
): void {
  const open = (processes = 1): Compute<ContractTasks> => {
    const compute = make(processes);
    onTestFinished(() => compute.close());
    return compute;
  };
  const newFile = async (): Promise<string> => join(await temporaryFolder(), "started");

  describe(`compute: ${adapter}`, () => {
    test("a task runs in another process; typed arrays go in and come out", async () => {
      const result = await open().run("sum", Float32Array.of(1, 2, 3.5));
      expect(result).toStrictEqual({
        process: expect.any(Number) as number,
        total: 6.5,
        doubled: Float32Array.of(2, 4, 7),
      });
      expect(result.process).not.toBe(process.pid);
    });

    test("a process that can no longer be relied on answers, and is given nothing more", async () => {
      const compute = open();
      const worn = await compute.run("wearOut", undefined);
      const next = await compute.run("sum", Float32Array.of(1));
      expect([next.total, next.process === worn]).toEqual([1, false]);
    });

    test("a typed error keeps class, code, message and details", async () => {
      await expect(
        open().run("failTyped", { suggestions: ["T cell", "B cell"] }),
      ).rejects.toMatchObject({
        name: "HaystackError",
        code: "CELL_TYPE_UNKNOWN",
        message: "The cell type is not known.",
        details: { suggestions: ["T cell", "B cell"] },
        retryable: false,
        exitCode: 2,
      });
    });

    test("any other error is INTERNAL with its message, and the pool goes on", async () => {
      const compute = open();
      await expect(compute.run("failPlain", "x is not a function")).rejects.toMatchObject({
        code: "INTERNAL",
        message: "x is not a function",
      });
      await expect(compute.run("uncloneable", undefined)).rejects.toMatchObject({
        code: "INTERNAL",
      });
      await expect(compute.run("failTyped", { unclonable: () => 0 })).rejects.toMatchObject({
        code: "INTERNAL",
      });
      expect((await compute.run("sum", Float32Array.of(1))).total).toBe(1);
    });

    test("what passes is told apart from a fault of the task: a process that ends, a full disk", async () => {
      const compute = open();
      await expect(compute.run("die", 3)).rejects.toMatchObject({
        code: "COMPUTE_ENDED",
        retryable: true,
        message: expect.stringContaining(
          "computed die ended without an answer (exit code 3)",
        ) as string,
      });
      await expect(compute.run("fill", undefined)).rejects.toMatchObject({
        code: "DISK_FULL",
        retryable: true,
      });
      const file = await newFile();
      const killed = compute.run("spin", file).catch((thrown: unknown) => thrown);
      process.kill(await written(file), "SIGKILL");
      expect(await killed).toMatchObject({
        code: "COMPUTE_ENDED",
        message: expect.stringContaining("SIGKILL") as string,
      });
      expect((await compute.run("sum", Float32Array.of(1))).total).toBe(1);
    });

    test.each(["spin", "linger"] as const)(
      "aborting stops a running task (%s) with STEP_ABORTED, and a waiting one takes its place",
      async (name) => {
        const compute = open();
        const file = await newFile();
        const stop = new AbortController();
        const running = compute.run(name, file, stop.signal);
        const waiting = compute.run("sum", Float32Array.of(1, 1));
        const pid = await written(file);
        stop.abort();
        await expect(running).rejects.toMatchObject({ code: "STEP_ABORTED" });
        expect((await waiting).total).toBe(2);
        expect(isAlive(pid)).toBe(false);
      },
    );

    test("aborting a waiting task refuses it at once", async () => {
      const compute = open();
      const file = await newFile();
      const [stopFirst, stopSecond] = [new AbortController(), new AbortController()];
      const first = compute.run("spin", file, stopFirst.signal);
      const second = compute.run("sum", Float32Array.of(1), stopSecond.signal);
      await written(file);
      stopSecond.abort();
      await expect(second).rejects.toMatchObject({ code: "STEP_ABORTED" });
      stopFirst.abort();
      await expect(first).rejects.toMatchObject({ code: "STEP_ABORTED" });
      await expect(
        compute.run("sum", Float32Array.of(1), AbortSignal.abort()),
      ).rejects.toMatchObject({ code: "STEP_ABORTED" });
    });

    test("no more tasks than processes run at once, and all get their turn", async () => {
      const compute = open(2);
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, index) => compute.run("sum", Float32Array.of(index))),
      );
      expect(results.map((result) => result.total)).toEqual(
        Array.from({ length: 12 }, (_, index) => index),
      );
      expect(new Set(results.map((result) => result.process)).size).toBeLessThanOrEqual(2);
    });

    test("closing stops what runs and what waits", async () => {
      const compute = open();
      const file = await newFile();
      const running = compute.run("spin", file);
      const waiting = compute.run("sum", Float32Array.of(1));
      const both = Promise.allSettled([running, waiting]);
      const pid = await written(file);
      await compute.close();
      for (const outcome of await both)
        expect(outcome).toMatchObject({ status: "rejected", reason: { code: "STEP_ABORTED" } });
      expect(isAlive(pid)).toBe(false);
      await expect(compute.run("sum", Float32Array.of(1))).rejects.toMatchObject({
        code: "STEP_ABORTED",
      });
    });
  });
}
