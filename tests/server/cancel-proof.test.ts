import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import { daemonPlace } from "../support/daemon-process.ts";
import { heldProgram } from "../support/held-program.ts";
import { openEvents, type StreamedEvent } from "../support/event-stream.ts";
import { ADA, QUESTION, startApi } from "./api-harness.ts";

const CONFIG = {
  prompt_cells: 20,
  query_cells: 20,
  max_job_attempts: 1,
  control_strategy: "query_as_control",
};
/** The best of so many cancels is judged, so that a busy machine does not decide. */
const CANCELS = 5;
const VISIBLE_MS = 100;
const TOLD_MS = 1_000;

const isCancelOf = ({ event, data }: StreamedEvent): boolean =>
  event === "transition" && data["actor"] === "run" && data["event"] === "cancel.requested";

test("a cancel that was answered outlives a kill of the daemon at that moment", async () => {
  const program = await heldProgram();
  const { url, serve } = await daemonPlace({ INFERENCE_COMMAND: program.command });
  const post = (path: string, body?: unknown): Promise<Response> =>
    fetch(`${url}/api/v1/runs${path}`, {
      method: "POST",
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
  const first = await serve();
  const { run_id } = (await (
    await post("", { query: QUESTION, config: CONFIG })
  ).json()) as RunDocument;
  const job = await program.next();
  const stopped = once(job, "close");
  const { status } = await post(`/${run_id}/cancel`);
  await first("SIGKILL");
  expect(status).toBe(202);
  const second = await serve();
  const after = await openEvents(`${url}/api/v1/runs/${run_id}/events`);
  await after.ended;
  expect(after.events.filter(isCancelOf)).toHaveLength(1);
  expect(after.events.at(-1)).toMatchObject({
    event: "run",
    data: { status: "cancelled", current_phase: null },
  });
  await stopped;
  await second("SIGTERM");
});

test("a cancel is in the stream within 100 ms of its answer, and the job is told within a second", async () => {
  const program = await heldProgram();
  const server = await startApi({ INFERENCE_COMMAND: program.command }, { withAtlas: true });
  onTestFinished(() => server.close());
  const ada = await server.caller(ADA);
  const times: { visible: number; told: number }[] = [];
  for (let cancel = 0; cancel < CANCELS; cancel++) {
    const { run_id } = await ada.submit({ config: CONFIG });
    const [live, job] = [await ada.events(run_id), await program.next()];
    const stopped = once(job, "close").then(() => performance.now());
    const { status } = await ada.post(`/runs/${run_id}/cancel`);
    const answered = performance.now();
    expect(status).toBe(202);
    const { at } = await live.until(isCancelOf);
    times.push({ visible: at - answered, told: (await stopped) - answered });
    await live.ended;
    expect(live.events.at(-1)?.data).toMatchObject({ status: "cancelled" });
  }
  expect(Math.min(...times.map(({ visible }) => visible))).toBeLessThan(VISIBLE_MS);
  expect(Math.min(...times.map(({ told }) => told))).toBeLessThan(TOLD_MS);
});
