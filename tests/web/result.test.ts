import { expect, test } from "vitest";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { run } from "../support/hosted-runs.ts";
import { startScriptedServer } from "../support/scripted-server.ts";

describeWithBrowser("a result in the window", () => {
  test("says of lower confidence no other reason than there is", async () => {
    const server = await startScriptedServer({ script: { noGainFrom: 1 } });
    await server.supervisor.submit(run("r1"));
    await server.committed("r1", ({ status }) => status === "completed");
    for (const [confidence, control_strategy_effective, told] of [
      ["normal", "synthetic_control", "Confidence: normal."],
      ["normal", "query_as_control", "Confidence: normal."],
      [
        "lower",
        "query_as_control",
        "Confidence: lower, as the controls are the query cells themselves.",
      ],
      ["lower", "synthetic_control", "Confidence: lower; the report says what lowers it."],
      ["lower", null, "Confidence: lower; the report says what lowers it."],
    ] as const) {
      const { page } = await openPage("about:blank");
      await page.route("**/api/v1/runs/r1/result", async (route) => {
        const found = (await (await route.fetch()).json()) as Record<string, unknown>;
        await route.fulfill({ json: { ...found, confidence, control_strategy_effective } });
      });
      await page.goto(`${server.url}/#/runs/r1`);
      expect(await page.getByText(/^Confidence: /).textContent()).toBe(told);
      await page.close();
    }
  });
});
