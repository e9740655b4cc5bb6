import { once } from "node:events";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { heldProgram } from "../support/held-program.ts";
import { ADA, startApi } from "./api-harness.ts";

const CONFIG = { prompt_cells: 20, query_cells: 20, control_strategy: "query_as_control" };
const PATIENCE = { timeout: 60_000, interval: 50 };

test.each([
  ["its record is whole", undefined],
  ["its snapshot cannot be read", '{"value":'],
])(
  "a run that is set aside keeps its job until it is cancelled, and a job that runs is stopped before the run is deleted: %s",
  { timeout: 180_000 },
  async (_, snapshot) => {
    const program = await heldProgram();
    const server = await startApi({ INFERENCE_COMMAND: program.command }, { withAtlas: true });
    onTestFinished(() => server.close());
    const { runs, batch, supervisor, config } = { ...server.daemon, config: server.config };
    const ada = await server.caller(ADA);
    const { run_id } = await ada.submit({ config: CONFIG });
    const job = await program.next();
    const stopped = once(job, "close");
    const stateOf = async (): Promise<string | undefined> =>
      (await batch.get(`hs-${run_id}-i1-p-a1`))?.state;
    await expect.poll(stateOf, PATIENCE).toBe("RUNNING");
    const why = { code: "RECORD_UNREADABLE", message: "It is damaged.", at: Date.now() } as const;
    expect(await runs.setAside(run_id, why)).toBe(true);
    await expect.poll(() => supervisor.hosted(), PATIENCE).toEqual([]);
    if (snapshot !== undefined) {
      const db = new DatabaseSync(join(config.dataDir, "runs.sqlite"));
      db.prepare("UPDATE runs SET snapshot = ? WHERE run_id = ?").run(snapshot, run_id);
      db.close();
    }
    await server.daemon.asideJobs.stop();
    expect(await stateOf()).toBe("RUNNING");
    const answer = await ada.post(`/runs/${run_id}/cancel`);
    expect([answer.status, await answer.json()]).toMatchObject([202, { status: "cancelled" }]);
    const url = `${server.url}/api/v1/runs/${run_id}`;
    const headers = { authorization: `Bearer ${ada.token}` };
    const deleted = async (): Promise<number> =>
      (await fetch(url, { method: "DELETE", headers })).status;
    await expect.poll(deleted, PATIENCE).toBe(204);
    await stopped;
  },
);
