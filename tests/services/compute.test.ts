import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { piscinaCompute } from "../../services/compute/piscina.ts";
import { computeContract, type ContractTasks } from "./compute.contract.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const TASKS = new URL("compute-tasks.ts", import.meta.url);

computeContract("piscina", (threads) => piscinaCompute<ContractTasks>({ filename: TASKS, threads }));

test("an idle worker ends after its time and a new one takes the next task", async () => {
  const created = once(process, "worker") as Promise<[Worker]>;
  const compute = piscinaCompute<ContractTasks>({ filename: TASKS, threads: 1, idleMs: 1 });
  const first = compute.run("sum", Float32Array.of(1));
  const [worker] = await created;
  const ended = once(worker, "exit");
  const { thread } = await first;
  await ended;
  expect((await compute.run("sum", Float32Array.of(2))).thread).not.toBe(thread);
  await compute.close();
});

test("a program that forgets to close its pool ends by itself, long before the idle time", async () => {
  const program = join(await temporaryFolder(), "program.ts");
  const module = new URL("../../services/compute/piscina.ts", import.meta.url).href;
  await writeFile(
    program,
    `import { piscinaCompute } from ${JSON.stringify(module)};
     const compute = piscinaCompute({ filename: new URL(${JSON.stringify(TASKS.href)}), threads: 2, idleMs: 3_600_000 });
     console.log(JSON.stringify(await compute.run("sum", Float32Array.of(20, 22))));`,
  );
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program], { timeout: 60_000 });
  expect(JSON.parse(stdout)).toMatchObject({ total: 42 });
  expect(stderr).toBe("");
});
