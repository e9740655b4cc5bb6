import { expect, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { QUESTION } from "./api-harness.ts";

test("a submitted run begins at once, not at the daemon's next look", async () => {
  const server = await startScriptedServer({
    env: { AUTH: "token" },
    supervisor: { pollMs: 3_600_000 },
  });
  const response = await fetch(`${server.url}/api/v1/runs`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await server.token("ada@example.org")}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ query: QUESTION }),
  });
  expect(response.status).toBe(201);
  const { run_id } = (await response.json()) as RunDocument;
  const begun = await server.committed(run_id, ({ status }) => status === "running");
  expect(begun.current_phase).toBe("query_analysis");
});
