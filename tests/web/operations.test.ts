import { expect, test } from "vitest";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { run } from "../support/hosted-runs.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { faults } from "./looks.ts";

const LONG_AGO_MS = 600_000;

describeWithBrowser("operations in the window", () => {
  test("show administrators what is stuck with the button that helps, and what the daemon does", async () => {
    const server = await startScriptedServer({
      env: { AUTH: "token" },
      supervisor: { sweeps: false },
    });
    await server.parts.runs.insert(
      {
        ...run("lost"),
        status: "running",
        current_phase: "query_analysis",
        updated_at: new Date(Date.now() - LONG_AGO_MS).toISOString(),
      },
      { owner: "a daemon that is gone", expires_at: Date.now() - LONG_AGO_MS },
    );
    await server.parts.runs.insert({
      ...run("paid"),
      status: "completed",
      current_phase: null,
      created_at: new Date().toISOString(),
      usage: { gpu_seconds: 60, gpu_cost_usd: 1.25, llm_tokens: 10, llm_cost_usd: 0.5 },
    });
    const { page, complaints } = await openPage(`${server.url}/#/operations`);
    await page.getByLabel("Token").fill(await server.token("root@example.org", "admin"));
    await page.getByRole("button", { name: "Sign in" }).click();
    const stuck = page.locator("article[data-run=lost]");
    await stuck.getByText("lease expired").waitFor();
    await page.getByText("$1.75 in all.").waitFor();
    expect(await page.locator("[data-by=Offer] tbody th").allTextContents()).toEqual([
      "not on record",
      "language model",
    ]);
    expect(await faults(page)).toEqual([]);
    await page.getByRole("button", { name: "Pause admission" }).click();
    await page.getByText("Admission is paused.").waitFor();
    await page.getByRole("cell", { name: "admission.pause" }).first().waitFor();
    await page.getByRole("button", { name: "Admit runs again" }).click();
    await page.getByText("Admission is paused.").waitFor({ state: "detached" });
    await stuck.getByRole("button", { name: "Load it into this daemon" }).click();
    await stuck.waitFor({ state: "detached" });
    expect(server.supervisor.hosted()).toEqual(["lost"]);
    expect(await faults(page)).toEqual([]);
    // The browser tells of the request that nobody had signed for.
    expect(complaints.filter((text) => !text.includes("401"))).toEqual([]);
  });

  test("are no page for users", async () => {
    const server = await startScriptedServer({ env: { AUTH: "token" } });
    const { page } = await openPage(`${server.url}/#/operations`);
    await page.getByLabel("Token").fill(await server.token("ada@example.org"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Only administrators may do this").waitFor();
    expect(await page.getByRole("link", { name: "Operations" }).count()).toBe(0);
    expect(await faults(page)).toEqual([]);
  });
});
