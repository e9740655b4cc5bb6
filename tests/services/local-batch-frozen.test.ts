import { keptIn } from "../../services/batch/local/descendants.ts";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readHistory, runnerOf } from "../../services/batch/local/job.ts";
import { skippingClock } from "../support/hosted-runs.ts";
import { jobSpec } from "./batch.contract.ts";
import { fileAppears, localHarness, running } from "./local-batch-harness.ts";

test.each(["cancelled", "over its time"])(
  "a job that is %s ends although its runner is frozen, and nothing of it is left",
  async (why) => {
    const clock = skippingClock();
    const harness = await localHarness({ clock });
    const spec = { ...jobSpec(), max_run_seconds: 3_600 };
    await harness.putInputs(spec, {
      until: harness.gate().file,
      ignoreSigterm: true,
      children: true,
    });
    await harness.batch.submit(spec);
    const processes = await harness.pids(spec);
    const runner = runnerOf(await readHistory(join(harness.root, "jobs", spec.job_id)))!;
    process.kill(runner.pid, "SIGSTOP");
    if (why === "over its time") clock.skip(3_600_000);
    const passing = setInterval(() => clock.skip(1_000), 20);
    onTestFinished(() => clearInterval(passing));
    if (why === "cancelled") await harness.batch.cancel(spec.job_id);
    await harness.events.until(spec.job_id, ["CANCELLED", "FAILED"]);
    expect(await harness.batch.get(spec.job_id)).toMatchObject(
      why === "cancelled"
        ? { state: "CANCELLED" }
        : { state: "FAILED", failure: { kind: "over_time" } },
    );
    expect(await running([runner.pid, ...processes])).toEqual([false, false, false, false]);
  },
);

test.each(["the program", "the runner"])(
  "a process without the job's environment and group is gone when %s has ended",
  async (what) => {
    const script = `env -i /usr/bin/setsid /bin/sh -c 'echo $$ > "$1.pid"; mv "$1.pid" "$1.escaped"; exec /bin/sleep 600' x "$1" &
      until [ -e "$1.go" ]; do /bin/sleep 0.05; done; echo done > "$2"`;
    const harness = await localHarness({
      program: {
        command: ["/bin/sh", "-c", script, "sh", "{prompt}", "{output}"],
        model: { name: "test", is_baseline: true },
      },
    });
    const spec = jobSpec();
    await harness.putInputs(spec, {});
    await harness.batch.submit(spec);
    const folder = join(harness.root, "jobs", spec.job_id);
    const kept = await keptIn(folder);
    const { pairs } = JSON.parse(await readFile(join(folder, "spec.json"), "utf8")) as {
      pairs: [{ prompt: string }];
    };
    const prompt = join(harness.root, pairs[0].prompt);
    const escaped = Number(await fileAppears(`${prompt}.escaped`));
    await expect
      .poll(() => readFile(kept, "utf8").catch(() => ""), { timeout: 30_000 })
      .toContain(`"pid":${escaped},`);
    expect(await running([escaped])).toEqual([true]);
    if (what === "the program") await writeFile(`${prompt}.go`, "");
    else process.kill(runnerOf(await readHistory(folder))!.pid, "SIGKILL");
    await harness.events.until(spec.job_id, ["SUCCEEDED", "FAILED"]);
    expect(await running([escaped])).toEqual([false]);
  },
);
