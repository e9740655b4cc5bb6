import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { HaystackError } from "../../errors.ts";
import { processCompute } from "../../services/compute/processes.ts";
import { computeContract, type ContractTasks, isAlive, written } from "./compute.contract.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const TASKS = new URL("compute-tasks.ts", import.meta.url);

computeContract("processes", (processes) =>
  processCompute<ContractTasks>({ filename: TASKS, processes, limitMinutes: 1 }),
);

/** A program with a pool of its own that does `body`. */
async function programWith(body: string): Promise<string> {
  const program = join(await temporaryFolder(), "program.ts");
  const module = new URL("../../services/compute/processes.ts", import.meta.url).href;
  const pool = `processCompute({ filename: new URL(${JSON.stringify(TASKS.href)}), processes: 2, limitMinutes: 1, idleMs: 3_600_000 })`;
  await writeFile(
    program,
    `import { processCompute } from ${JSON.stringify(module)};\nconst compute = ${pool};\n${body}`,
  );
  return program;
}

test("an idle process ends after its time and a new one takes the next task", async () => {
  const compute = processCompute<ContractTasks>({
    filename: TASKS,
    processes: 1,
    limitMinutes: 1,
    idleMs: 1,
  });
  onTestFinished(() => compute.close());
  const { process: first } = await compute.run("sum", Float32Array.of(1));
  await expect.poll(() => isAlive(first), { timeout: 30_000 }).toBe(false);
  expect((await compute.run("sum", Float32Array.of(2))).process).not.toBe(first);
});

test("a process whose idle time has just passed gets no task", async () => {
  const compute = processCompute<ContractTasks>({
    filename: TASKS,
    processes: 1,
    limitMinutes: 1,
    idleMs: 1,
  });
  onTestFinished(() => compute.close());
  for (let round = 1; round <= 5; round += 1) {
    expect((await compute.run("sum", Float32Array.of(round))).total).toBe(round);
    await wait(1);
  }
});

test("a task that is aborted as it ends takes no other with it", { timeout: 600_000 }, async () => {
  const compute = processCompute<ContractTasks>({ filename: TASKS, processes: 1, limitMinutes: 1 });
  onTestFinished(() => compute.close());
  for (let round = 0; round < 60; round += 1) {
    await compute.run("sum", Float32Array.of(0));
    const stop = new AbortController();
    const first = compute
      .run("sum", Float32Array.of(1), stop.signal)
      .catch((error: unknown) => error);
    const second = compute.run("sum", Float32Array.of(round));
    for (let turn = 0; turn < round % 12; turn += 1) await nextTurn();
    stop.abort();
    expect((await second).total).toBe(round);
    await first;
  }
});

test("an idle process that is killed is missed by nobody", async () => {
  const compute = processCompute<ContractTasks>({ filename: TASKS, processes: 1, limitMinutes: 1 });
  onTestFinished(() => compute.close());
  const { process: first } = await compute.run("sum", Float32Array.of(1));
  process.kill(first, "SIGKILL");
  await expect.poll(() => isAlive(first), { timeout: 30_000 }).toBe(false);
  expect((await compute.run("sum", Float32Array.of(2))).total).toBe(2);
});

test("a task over its time is killed", async () => {
  const compute = processCompute<ContractTasks>({
    filename: TASKS,
    processes: 1,
    limitMinutes: 1 / 120,
  });
  onTestFinished(() => compute.close());
  await expect(compute.run("spin", join(await temporaryFolder(), "started"))).rejects.toMatchObject(
    { code: "COMPUTE_OVER_TIME", retryable: false },
  );
});

test("a task over the memory that it may take is killed, others are not, and the pool goes on", async () => {
  const compute = processCompute<ContractTasks>({
    filename: TASKS,
    processes: 1,
    limitMinutes: 1,
    limits: {
      swell: { gigabytes: { value: 0.5, variable: "SOME_GB" } },
      spin: { minutes: { value: 1 / 240, variable: "SOME_MINUTES" } },
    },
  });
  onTestFinished(() => compute.close());
  expect(await compute.run("swell", 16)).toBe(2 ** 24);
  await expect(compute.run("swell", 3_000)).rejects.toMatchObject({
    code: "COMPUTE_OVER_MEMORY",
    retryable: false,
    message: expect.stringContaining("more than 0.5 GB of memory") as string,
  });
  await expect(compute.run("spin", join(await temporaryFolder(), "started"))).rejects.toMatchObject(
    { code: "COMPUTE_OVER_TIME", message: expect.stringContaining("SOME_MINUTES") as string },
  );
  expect((await compute.run("sum", Float32Array.of(1))).total).toBe(1);
});

test("a task that may take more than the heap of V8 gets a larger one", async () => {
  const compute = processCompute<ContractTasks>({
    filename: TASKS,
    processes: 1,
    limitMinutes: 1,
    limits: { heapBytes: { gigabytes: { value: 90, variable: "SOME_GB" } } },
  });
  onTestFinished(() => compute.close());
  expect(await compute.run("heapBytes", undefined)).toBeGreaterThanOrEqual(90e9);
});

test("a task sees nothing of the secrets in the environment", async () => {
  vi.stubEnv("OPENAI_API_KEY", "sk-secret");
  onTestFinished(() => void vi.unstubAllEnvs());
  const compute = processCompute<ContractTasks>({ filename: TASKS, processes: 1, limitMinutes: 1 });
  onTestFinished(() => compute.close());
  const names = await compute.run("environment", undefined);
  const allowed = [
    "NODE_CHANNEL_FD",
    "NODE_CHANNEL_SERIALIZATION_MODE",
    "NODE_COMPILE_CACHE",
    "NODE_OPTIONS",
    "TMPDIR",
    "TZ",
  ];
  expect(names.filter((name) => !allowed.includes(name))).toEqual([]);
});

test("a program that forgets to close its pool ends by itself, long before the idle time", async () => {
  const program = await programWith(
    `console.log(JSON.stringify(await compute.run("sum", Float32Array.of(20, 22))));`,
  );
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], {
    timeout: 60_000,
  });
  expect(JSON.parse(stdout)).toMatchObject({ total: 42 });
  expect(stderr).toBe("");
});

test("signals to the whole group leave a task alone, and what it prints goes to standard error", async () => {
  const program = await programWith(`console.log(await compute.run("bothered", undefined));`);
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], {
    timeout: 60_000,
  });
  expect([stdout, stderr]).toEqual(["done\n", "not for standard output\n"]);
});

test.each(["spin", "linger"])(
  "a process that is killed takes its tasks with it (%s)",
  async (name) => {
    const file = join(await temporaryFolder(), "started");
    const parent = spawn(
      process.execPath,
      [await programWith(`await compute.run("${name}", ${JSON.stringify(file)});`)],
      { stdio: "ignore" },
    );
    const pid = await written(file);
    parent.kill("SIGKILL");
    await once(parent, "exit");
    await expect.poll(() => isAlive(pid), { timeout: 30_000 }).toBe(false);
  },
);

test("a failure that does not say why is that of the machine, where it has run out of something", async () => {
  let cause: HaystackError | undefined;
  const compute = processCompute<ContractTasks>({
    filename: TASKS,
    processes: 1,
    limitMinutes: 1,
    cause: () => cause,
  });
  onTestFinished(() => compute.close());
  const codes = async () => [
    await compute.run("failPlain", "cannot write").catch(({ code }: HaystackError) => code),
    await compute.run("failTyped", {}).catch(({ code }: HaystackError) => code),
  ];
  expect(await codes()).toEqual(["INTERNAL", "CELL_TYPE_UNKNOWN"]);
  cause = new HaystackError("DISK_FULL", "The disk is full; free some space.");
  expect(await codes()).toEqual(["DISK_FULL", "CELL_TYPE_UNKNOWN"]);
});

test("a process that the machine refuses for want of files is no fault of the task", async () => {
  const program = await programWith(
    `const held = [];
     import { openSync } from "node:fs";
     await compute.run("sum", Float32Array.of(1));
     try { for (;;) held.push(openSync("/dev/null")); } catch { held.length; }
     const codes = await Promise.all([1, 2].map(() => compute.run("linger", "/dev/full").catch(({ code }) => code)));
     process.stderr.write(codes.join() + "\\n");
     process.exit(0);`,
  );
  const { stderr } = await promisify(execFile)("sh", [
    "-c",
    `ulimit -n 64; exec "${process.execPath}" "${program}"`,
  ]);
  expect(stderr).toContain("TOO_MANY_FILES");
});
