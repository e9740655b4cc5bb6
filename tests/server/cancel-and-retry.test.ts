import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import { run } from "../support/hosted-runs.ts";
import { gate, startScriptedServer } from "../support/scripted-server.ts";
import {
  ADA,
  ENDLESS_COMMAND,
  FAILING_COMMAND,
  startApi,
  type ApiServer,
  type Caller,
} from "./api-harness.ts";

const SMALL = {
  config: {
    prompt_cells: 20,
    query_cells: 20,
    max_job_attempts: 1,
    control_strategy: "query_as_control",
  },
};
const isRun =
  (state: RegExp) =>
  ({
    event,
    data,
  }: {
    readonly event: string;
    readonly data: Readonly<Record<string, unknown>>;
  }): boolean =>
    event === "transition" && data["actor"] === "run" && state.test(String(data["to"]));

describe("cancel", () => {
  let server: ApiServer;
  let ada: Caller;
  beforeAll(async () => {
    server = await startApi({ INFERENCE_COMMAND: ENDLESS_COMMAND }, { withAtlas: true });
    ada = await server.caller(ADA);
  });
  afterAll(() => server.close());

  test("a run that waits for its GPU job is cancelled at once, and then its job", async () => {
    const { run_id } = await ada.submit(SMALL);
    const live = await ada.events(run_id);
    await live.until(({ event, data }) => event === "transition" && data["to"] === "awaiting");
    const jobId = `hs-${run_id}-i1-p-a1`;
    expect((await server.daemon.batch.get(jobId))?.state).toMatch(/QUEUED|SCHEDULED|RUNNING/);
    const clicks = await Promise.all([
      ada.post(`/runs/${run_id}/cancel`),
      ada.post(`/runs/${run_id}/cancel`),
    ]);
    expect(clicks.map(({ status }) => status)).toEqual([202, 202]);
    const shown = await live.until(
      ({ event, data }) => event === "run" && data["status"] === "cancelled",
    );
    await live.ended;
    const order = live.events.indexOf(shown);
    expect(order).toBeLessThan(live.events.findIndex(isRun(/^cancelled$/)));
    expect((await server.daemon.batch.get(jobId))?.state).toBe("CANCELLED");
    expect(
      live.events.filter(
        ({ data }) => data["event"] === "cancel.requested" && data["actor"] === "run",
      ),
    ).toHaveLength(1);
    const again = await ada.post(`/runs/${run_id}/cancel`);
    expect([again.status, ((await again.json()) as RunDocument).status]).toEqual([
      202,
      "cancelled",
    ]);
    expect((await ada.post(`/runs/${run_id}/retry`)).status).toBe(409);
  });

  test("the wish is stored when the answer comes: a host that dies then changes nothing", async () => {
    const { run_id } = await ada.submit(SMALL);
    const live = await ada.events(run_id);
    await live.until(isRun(/^inferring/));
    const revision = async (): Promise<number> =>
      (await server.daemon.runs.get(run_id))?.revision ?? 0;
    const before = await revision();
    expect((await ada.post(`/runs/${run_id}/cancel`)).status).toBe(202);
    // The run goes on meanwhile; the wish is named by the revision that it met.
    const met = Array.from(
      { length: (await revision()) - before + 1 },
      (_, index) => before + index,
    );
    const deliveredAgain = await Promise.all(
      met.map((known) =>
        server.daemon.runs.deliver(run_id, {
          id: `cancel.requested.${known}`,
          event: { type: "cancel.requested" },
        }),
      ),
    );
    expect(deliveredAgain).toContain("duplicate");
    await live.ended;
  });
});

test("the answer tells of the run as it is when its wish was granted", async () => {
  const analyzing = gate();
  const server = await startScriptedServer({
    isPatient: true,
    script: { before: (effect) => (effect === "analyze" ? analyzing.pass() : undefined) },
  });
  onTestFinished(analyzing.open);
  await server.supervisor.submit(run("r1"));
  await analyzing.reached;
  const answer = await fetch(`${server.url}/api/v1/runs/r1/cancel`, { method: "POST" });
  expect([answer.status, await answer.json()]).toMatchObject([202, { status: "cancelled" }]);
});

describe("retry", () => {
  let server: ApiServer;
  let ada: Caller;
  beforeAll(async () => {
    server = await startApi({ INFERENCE_COMMAND: FAILING_COMMAND }, { withAtlas: true });
    ada = await server.caller(ADA);
  });
  afterAll(() => server.close());

  test("a failed run resumes where it failed; a double click resumes it once", async () => {
    const { run_id } = await ada.submit(SMALL);
    const first = await ada.events(run_id);
    await first.ended;
    expect(first.events.at(-1)?.data).toMatchObject({
      status: "failed",
      current_phase: "inference",
    });
    expect((await ada.get(`/runs/${run_id}/result`)).status).toBe(409);
    const clicks = await Promise.all([
      ada.post(`/runs/${run_id}/retry`),
      ada.post(`/runs/${run_id}/retry`),
    ]);
    expect(clicks.map(({ status }) => status)).toEqual([202, 202]);
    const second = await ada.events(
      run_id,
      first.events.findLast(({ id }) => id !== undefined)?.id,
    );
    await second.ended;
    const retries = second.events.filter(
      ({ data }) => data["event"] === "retry.requested" && data["actor"] === "run",
    );
    expect(retries).toHaveLength(1);
    expect(second.events.some(isRun(/^analyzing|^prompting/))).toBe(false);
    expect(second.events.at(-1)?.data).toMatchObject({ status: "failed" });
    expect((await ada.post(`/runs/${run_id}/cancel`)).status).toBe(202);
  });
});
