import { expect, test } from "vitest";
import { describeInCloud, startCloud } from "../support/cloud.ts";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { LONG_MS } from "./cloud-daemon.ts";

type Findings = Record<string, { readonly state: string; readonly finding: string }>;

async function doctor(env: Record<string, string>): Promise<{ code: number | null; found: Findings }> {
  const { code, stdout } = await haystack(["doctor", "--json", "--data-dir", await temporaryFolder()], { env });
  const { findings } = JSON.parse(stdout) as { findings: { what: string; state: string; finding: string }[] };
  return { code, found: Object.fromEntries(findings.map(({ what, state, finding }) => [what, { state, finding }])) };
}

describeInCloud("haystack doctor asks the services themselves", () => {
  test("all is well; then bucket, subscription and permission are missing in turn", async () => {
    const cloud = await startCloud();
    const well = await doctor(cloud.environment);
    expect([well.code, well.found["run store"]?.state, well.found["objects"]?.state, well.found["GPU jobs"]?.state]).toEqual([0, "ok", "ok", "ok"]);
    expect(well.found["objects"]?.finding).toMatch(/^gs:\/\/haystack-test\//);

    const noBucket = await doctor({ ...cloud.environment, GCS_BUCKET: "no-such-bucket" });
    expect([noBucket.code, noBucket.found["objects"]]).toEqual([1, { state: "problem", finding: expect.stringContaining("no-such-bucket") as string }]);

    const noSubscription = await doctor({ ...cloud.environment, PUBSUB_CREATE: "false", PUBSUB_SUBSCRIPTION: "no-such-subscription" });
    expect([noSubscription.code, noSubscription.found["GPU jobs"]]).toEqual([1, { state: "problem", finding: expect.stringMatching(/no-such-subscription.*does not exist: make them/) as string }]);

    cloud.batch.failCalls({ method: "listJobs", times: 1, code: 7, details: "Permission 'batch.jobs.list' denied" });
    const noPermission = await doctor(cloud.environment);
    expect([noPermission.code, noPermission.found["GPU jobs"]]).toEqual([1, { state: "problem", finding: expect.stringContaining("batch.jobs.list") as string }]);
  }, LONG_MS);
});
