import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createWebSocketReceiver, type StatelyInspectionEvent } from "@statelyai/inspect";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { run } from "../support/hosted-runs.ts";
import { gate, startScriptedServer } from "../support/scripted-server.ts";

const [, attach = ""] = /```js\n([^]*?)```/.exec(readFileSync("docs/inspector.md", "utf8")) ?? [];

test("the program of docs/inspector.md hands what the daemon tells on to Stately's relay", async () => {
  const analyzing = gate();
  const server = await startScriptedServer({
    env: { AUTH: "token" },
    script: { before: (effect) => (effect === "analyze" ? analyzing.pass() : undefined) },
  });
  await server.supervisor.submit(run("r1"));
  const port = String(await freePort());
  const env = {
    ...process.env,
    HAYSTACK_URL: server.url,
    HAYSTACK_TOKEN: await server.token("root@example.org", "admin"),
    RELAY_PORT: port,
  };
  const child = spawn(process.execPath, ["--input-type=module", "-e", attach], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill());
  const said = await new Promise<string>((resolve) =>
    child.stdout.setEncoding("utf8").once("data", resolve),
  );
  expect(said).toBe(`Open http://localhost:${port}\n`);
  const completed = Promise.withResolvers<StatelyInspectionEvent>();
  const seen: string[] = [];
  createWebSocketReceiver({ server: `ws://localhost:${port}` }).subscribe((event) => {
    seen.push(event.sessionId);
    analyzing.open();
    if (
      event.type === "@xstate.snapshot" &&
      (event.snapshot as { value?: unknown }).value === "completed"
    )
      completed.resolve(event);
  });
  expect(await completed.promise).toMatchObject({ sessionId: "r1", snapshot: { status: "done" } });
  expect(seen[0]).toBe("r1");
});
