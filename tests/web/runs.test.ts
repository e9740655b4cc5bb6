import type { Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { newRun } from "../../services/runs/document.ts";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { run } from "../support/hosted-runs.ts";
import { gate, startScriptedServer } from "../support/scripted-server.ts";
import { faults } from "./looks.ts";

const statusOf = (page: Page, runId: string) => page.locator(`tr[data-run="${runId}"] .status`);

const RESTING = { status: "completed", current_phase: null } as const;
const created = (place: number): string =>
  new Date(1_800_000_000_000 - place * 1_000).toISOString();

describeWithBrowser("the runs in the window", () => {
  test("change before the eyes of who looks; script in questions, names and labels is text", async () => {
    const begun = gate();
    onTestFinished(begun.open);
    const server = await startScriptedServer({
      script: { before: (effect) => (effect === "analyze" ? begun.pass() : undefined) },
    });
    const hostile =
      "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>";
    await server.supervisor.submit({
      ...run("r1"),
      query: hostile,
      name: `name ${hostile}`,
      labels: { project: hostile },
    });
    await begun.reached;
    const { page, complaints, asked } = await openPage(`${server.url}/#/runs`);
    await page.getByText(": reading the question").waitFor();
    expect(await page.locator(".run-link").textContent()).toBe(`name ${hostile}`);
    expect(await page.locator("td .spark").count()).toBe(0);
    expect(await faults(page)).toEqual([]);
    // Told by the stream: the list, which is read again and again, is not answered any more.
    await page.route("**/api/v1/runs?*", () => undefined);
    begun.open();
    await statusOf(page, "r1").getByText("Completed").waitFor();
    await page.locator("tr[data-run=r1] .spark").waitFor();
    expect(asked.some((address) => address.includes("/api/v1/events?id=r1"))).toBe(true);
    expect(await page.locator("img, script:not([src])").count()).toBe(0);
    expect(await page.title()).toBe("Runs · HAYSTACK");
    expect(complaints).toEqual([]);
  });

  test("are found by words, status and labels, which stand in the address", async () => {
    const server = await startScriptedServer();
    for (const [id, changes] of [
      ["r1", { query: "How do B cells respond?", labels: { project: "dose" } }],
      ["r2", { query: "How do T cells respond?", labels: { project: "time" } }],
      ["r3", { query: "How do T cells die?", status: "failed", current_phase: "inference" }],
    ] as const)
      await server.parts.runs.insert({ ...run(id), ...RESTING, ...changes });
    const { page } = await openPage(`${server.url}/#/runs?text=t+cells`);
    await page.locator("tr[data-run=r3]").waitFor();
    expect(await page.locator("tbody tr").count()).toBe(2);
    expect(await page.getByLabel("Search").inputValue()).toBe("t cells");
    await page.getByLabel("Status").selectOption("failed");
    await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
    expect(page.url()).toContain("#/runs?text=t+cells&status=failed");
    await page.getByLabel("Search").fill("nothing like it");
    await page.getByText("No run fits.").waitFor();
    expect(await faults(page)).toEqual([]);
    await page.getByRole("link", { name: "Show all runs" }).click();
    await page.getByRole("link", { name: "project=time" }).click();
    await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
    expect(page.url()).toContain("label=project%3Dtime");
    await page.goBack();
    await expect.poll(() => page.locator("tbody tr").count()).toBe(3);
  });

  test("are chosen, cancelled and compared by keyboard alone", async () => {
    const server = await startScriptedServer({ script: { jobState: "RUNNING" } });
    for (const id of ["r1", "r2"]) await server.supervisor.submit(run(id));
    for (const id of ["r1", "r2"])
      await server.committed(id, ({ current_phase }) => current_phase === "inference");
    const { page } = await openPage(`${server.url}/#/runs`);
    await page.locator("tbody tr").nth(1).waitFor();
    await page.keyboard.press("/");
    expect(await page.evaluate("document.activeElement.type")).toBe("search");
    await page.locator(".run-link").first().focus();
    for (const key of ["x", "j", "x"]) await page.keyboard.press(key);
    await page.getByText("2 runs chosen").waitFor();
    expect(await page.getByRole("button", { name: "Retry" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Cancel" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Cancel them" }).focus();
    expect(await faults(page)).toEqual([]);
    await page.keyboard.press("Enter");
    await page.getByText("2 of 2 runs cancelled.").waitFor();
    for (const id of ["r1", "r2"]) await statusOf(page, id).getByText("Cancelled").waitFor();
    await page.locator(".run-link").first().focus();
    for (const key of ["x", "j", "x"]) await page.keyboard.press(key);
    await page.getByRole("button", { name: "Compare" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Compare runs" }).waitFor();
    await page.getByRole("rowheader", { name: "random seed" }).or(page.getByText("None")).waitFor();
    expect(await faults(page)).toEqual([]);
  });

  test("of two users are seen by their owners alone, a thousand as well as none", async () => {
    const server = await startScriptedServer({ env: { AUTH: "token" } });
    for (let place = 0; place < 1_000; place += 1)
      await server.parts.runs.insert({
        ...newRun({
          run_id: `run-${String(place).padStart(4, "0")}`,
          query: `Question ${place}`,
          user_email: "ada@example.org",
          config: {},
          random_seed: 1,
          now: 0,
        }),
        ...RESTING,
        created_at: created(place),
        updated_at: created(place),
      });
    const { page } = await openPage(`${server.url}/#/runs`);
    const signIn = async (owner: string): Promise<void> => {
      await page.getByLabel("Token").fill(await server.token(owner));
      await page.getByRole("button", { name: "Sign in" }).click();
    };
    await signIn("bo@example.org");
    await page.getByText("There are no runs yet.").waitFor();
    expect(await faults(page)).toEqual([]);
    await page.getByRole("button", { name: "Sign out" }).click();
    await signIn("ada@example.org");
    await page.locator("tr[data-run=run-0000]").waitFor();
    for (let shown = 100; shown < 1_000; shown += 100) {
      await expect.poll(() => page.locator("tbody tr").count()).toBe(shown);
      await page.getByRole("button", { name: "Show more" }).click();
    }
    await expect.poll(() => page.locator("tbody tr").count()).toBe(1_000);
    expect(await page.getByRole("button", { name: "Show more" }).count()).toBe(0);
    expect(await page.locator("tbody tr").last().getAttribute("data-run")).toBe("run-0999");
  });
});
