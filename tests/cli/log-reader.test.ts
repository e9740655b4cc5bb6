import { expect, onTestFinished, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import { daemonPlace } from "../support/daemon-process.ts";
import { startOn } from "../support/outputs.ts";

test("the daemon goes on when the reader of its log goes away later", async () => {
  const { config, url } = await daemonPlace();
  const serving = await startOn("pipe", ["serve", "--data-dir", config.dataDir], {
    HTTP_PORT: new URL(url).port,
    COMPUTE_PROCESSES: "1",
    LOG_FORMAT: "plain",
    LOG_LEVEL: "trace",
    POLL_MILLISECONDS: "50",
    RECONCILE_SECONDS: "1",
  });
  onTestFinished(() => serving.kill("SIGKILL"));
  await serving.shows("answers at");
  const died = serving.ended.then(({ code }) =>
    Promise.reject(new Error(`It ended with ${code}.`)),
  );
  died.catch(() => undefined);
  serving.stopReading();
  const submitted = await fetch(`${url}/api/v1/runs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      query: "How would CD14+ monocytes respond to IFN-beta?",
      config: { control_strategy: "query_as_control", max_iterations: 1 },
    }),
  });
  const { run_id } = (await submitted.json()) as RunDocument;
  const status = async (): Promise<string> => {
    const answer = await fetch(`${url}/api/v1/runs/${run_id}`);
    return ((await answer.json()) as RunDocument).status;
  };
  const completed = async (): Promise<void> => {
    await expect.poll(status).toBe("completed");
  };
  await Promise.race([completed(), died]);
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  serving.kill("SIGTERM");
  expect(await serving.ended).toMatchObject({ code: 0 });
});
