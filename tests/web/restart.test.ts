import { expect, test } from "vitest";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { daemonPlace } from "../support/daemon-process.ts";
import { heldProgram } from "../support/held-program.ts";
import { faults } from "./looks.ts";

describeWithBrowser("a daemon that is killed and started again while pages are open", () => {
  test("is told of, nothing wrong is shown, and the pages recover alone", async () => {
    const program = await heldProgram();
    const place = await daemonPlace({
      INFERENCE_COMMAND: program.command,
      INFERENCE_MODEL: "held",
    });
    const end = await place.serve();
    const asked = await fetch(`${place.url}/api/v1/runs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "How would CD14+ monocytes respond to IFN-beta?" }),
    });
    const { run_id: runId } = (await asked.json()) as { run_id: string };
    await program.next();
    const { page } = await openPage(`${place.url}/#/runs/${runId}`);
    const { page: list } = await openPage(`${place.url}/#/runs`);
    const article = page.locator("article[data-status=running]");
    await article.waitFor();
    await page.locator(".steps [aria-current=step]", { hasText: "Predicts" }).waitFor();
    const row = list.locator(`tr[data-run="${runId}"]`);
    await row.waitFor();

    await end("SIGKILL");
    const lost = (of: typeof page) => of.getByRole("alert").getByText("The connection is lost.");
    await lost(page).first().waitFor();
    await lost(list).first().waitFor();
    await page
      .getByText(/cannot be reached since .*trying again/)
      .first()
      .waitFor();
    expect(await article.count()).toBe(1);
    expect(await row.count()).toBe(1);
    expect(await faults(page)).toEqual([]);

    const again = await place.serve();
    await lost(page).first().waitFor({ state: "detached" });
    await lost(list).first().waitFor({ state: "detached" });
    expect(await article.count()).toBe(1);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Cancel it" }).click();
    await page.locator("article[data-status=cancelled]").waitFor();
    await row.getByText("Cancelled").waitFor();
    await page.getByText("Taken up again by").waitFor();
    expect(await faults(page)).toEqual([]);
    await again("SIGTERM");
  });
});
