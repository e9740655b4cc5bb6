import { onTestFinished, expect, test } from "vitest";
import { googleRunJobs } from "../../services/batch/google/run-jobs.ts";
import { batchServer } from "../support/batch-server.ts";
import { gate } from "./google-batch-harness.ts";

const IMAGE = "europe-docker.pkg.dev/p/haystack/orchestrator:1";

async function startRunJobs() {
  const server = await batchServer({
    images: { [IMAGE]: [process.execPath, "-e", "0"] },
    volumes: {},
  });
  onTestFinished(() => server.close());
  const runJobs = googleRunJobs({
    project: "p",
    location: "us-central1",
    endpoint: server.endpoint,
    image: IMAGE,
    machineType: "e2-standard-4",
    bucket: "b",
    topic: "projects/p/topics/t",
    maxRunSeconds: 60,
    idleSeconds: 300,
  });
  onTestFinished(() => runJobs.close());
  const made = () => server.calls.filter(({ method }) => method === "createJob").length;
  return { server, runJobs, made };
}

test("a run job that is looked at again and again is made once; looking changes nothing", async () => {
  const { server, runJobs, made } = await startRunJobs();
  server.scriptJobs({ hold: { QUEUED: gate().promise } });
  const job = { job_id: "hs-r1-run-1", run_id: "r1" };
  for (let look = 1; look <= 5; look++) expect(await runJobs.submit(job)).toBe("QUEUED");
  expect(made()).toBe(1);
});

test("a run job of another run is not taken for one's own", async () => {
  const { server, runJobs, made } = await startRunJobs();
  server.scriptJobs({ hold: { QUEUED: gate().promise } });
  await runJobs.submit({ job_id: "hs-r1-run-1", run_id: "r1" });
  await expect(runJobs.submit({ job_id: "hs-r1-run-1", run_id: "r2" })).rejects.toMatchObject({
    code: "JOB_NOT_OURS",
  });
  expect(made()).toBe(1);
});
