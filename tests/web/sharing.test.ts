import type { Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { run } from "../support/hosted-runs.ts";
import { gate, startScriptedServer } from "../support/scripted-server.ts";
import { faults } from "./looks.ts";

const ADA = "ada@example.org";
const BO = "bo@example.org";

async function signedIn(address: string, token: string): Promise<Page> {
  const { page } = await openPage(address);
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  return page;
}

const type = async (page: Page, ...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await page.keyboard.press(key);
};

describeWithBrowser("sharing in the window", () => {
  test("two users see nothing of each other; what is shared by keys alone is read, and goes from sight while it is open", async () => {
    const predicting = gate();
    const server = await startScriptedServer({
      env: { AUTH: "token" },
      script: {
        before: (effect) => (effect === "evaluate:1" ? predicting.pass() : undefined),
        noGainFrom: 1,
      },
    });
    onTestFinished(predicting.open);
    await server.supervisor.submit({ ...run("r1"), user_email: ADA });
    await predicting.reached;
    const bo = await signedIn(`${server.url}/#/runs`, await server.token(BO));
    await bo.getByText("There are no runs yet.").waitFor();
    await bo.getByLabel("Whose").selectOption("shared with me");
    await bo.getByText("Nobody shares a run with you.").waitFor();
    expect(await faults(bo)).toEqual([]);

    const ada = await signedIn(`${server.url}/#/runs/r1`, await server.token(ADA));
    await ada.getByText(`${ADA} and the administrators, nobody else.`).waitFor();
    await ada.getByLabel("Share with").focus();
    await ada.keyboard.type("bo");
    await type(ada, "Enter");
    await ada.getByText("A run is shared with an e-mail address").waitFor();
    await ada.keyboard.type("@example.org");
    await type(ada, "Tab", "Space");
    await ada.getByText(`Whoever signs in as ${BO} may now read this run.`).waitFor();
    expect(await ada.locator(".readers li").allTextContents()).toEqual([`${BO}Take back`]);
    expect(await faults(ada)).toEqual([]);

    await bo.locator("tr[data-run=r1]").getByText(ADA).waitFor();
    await bo.locator("tr[data-run=r1] .run-link").click();
    await bo.getByText("It is shared with you.").waitFor();
    await bo.locator("article[data-status=running]").waitFor();
    expect(await bo.getByRole("button", { name: /Cancel|Retry|Share/ }).count()).toBe(0);
    expect(await bo.getByText("Who sees it").count()).toBe(0);
    expect(await faults(bo)).toEqual([]);

    await ada.getByRole("button", { name: `Take back from ${BO}` }).focus();
    await type(ada, "Enter");
    await ada.getByText(`${BO} may no longer read this run.`).waitFor();
    await bo.getByText("There is no run r1").waitFor();
    expect(await bo.locator("article.run").count()).toBe(0);
    expect(await bo.getByText("The connection is lost.").count()).toBe(0);
    expect(await faults(bo)).toEqual([]);
  });

  test("what rests goes from sight, too, when it is taken back", async () => {
    const server = await startScriptedServer({ env: { AUTH: "token" } });
    await server.parts.runs.insert({
      ...run("r1"),
      user_email: ADA,
      status: "failed",
      current_phase: "inference",
      termination_reason: "failed",
    });
    const share = { run_id: "r1", user: BO };
    await server.parts.access.share({ ...share, shared_by: ADA, shared_at: Date.now() });
    const bo = await signedIn(`${server.url}/#/runs/r1`, await server.token(BO));
    await bo.getByText("It is shared with you.").waitFor();
    await server.parts.access.unshare(share);
    await bo.getByText("There is no run r1").waitFor();
    expect(await bo.locator("article.run").count()).toBe(0);
  });

  test("where nobody signs in there is nobody to share with", async () => {
    const server = await startScriptedServer();
    await server.parts.runs.insert({ ...run("r1"), status: "completed", current_phase: null });
    const { page } = await openPage(`${server.url}/#/runs/r1`);
    await page.locator("article.run").waitFor();
    expect(await page.getByText("Who sees it").count()).toBe(0);
    await page.getByRole("link", { name: "Runs", exact: true }).first().click();
    await page.getByLabel("Status").waitFor();
    expect(await page.getByLabel("Whose").count()).toBe(0);
  });
});
