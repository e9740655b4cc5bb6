import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { resultObjects } from "../../actors/run-objects.ts";
import { restsOn } from "../../science/report/rests-on.ts";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { run, temporaryFolder } from "../support/hosted-runs.ts";
import { gate, startScriptedServer, type ScriptedServer } from "../support/scripted-server.ts";
import { faults } from "./looks.ts";

const HOSTILE =
  'How do B cells respond? <img src=x onerror="document.title=1"><script>document.title="hit"</script>';
const ADA = "ada@example.org";
/** In the browser. */
const colour = (element: unknown): string =>
  (
    globalThis as unknown as { getComputedStyle(of: unknown): { readonly color: string } }
  ).getComputedStyle(element).color;

/** Gives the run the files that its scripted steps did not write. */
async function withFiles(
  { parts }: ScriptedServer,
  runId: string,
  text = "what was predicted",
): Promise<void> {
  const file = join(await temporaryFolder(), "file");
  await writeFile(file, text);
  for (const path of Object.values(resultObjects(runId))) await parts.objects.put(path, file);
}

describeWithBrowser("a run in the window", () => {
  test("tells of each prompt that an iteration tried side by side, and which counts", async () => {
    const server = await startScriptedServer();
    await server.supervisor.submit(
      run("r1", { control_job: "together", prompts_per_round: 2, max_iterations: 1 }),
    );
    const { page } = await openPage(`${server.url}/#/runs/r1`);
    await page.locator("article[data-status=completed]").waitFor();
    const prompts = page.locator(".iterations details", { hasText: "side by side" });
    await prompts.locator("summary").click();
    expect(await prompts.locator("summary").textContent()).toBe(
      "The best of 2 prompts that were tried side by side",
    );
    expect(await prompts.locator("li").allTextContents()).toEqual([
      "direct, score 8/10, expected accuracy –: scripted",
      "directcounts, score 8/10, expected accuracy –: scripted",
    ]);
    expect(await faults(page)).toEqual([]);
  });

  test("is followed to its result; script in the question is text, and nothing is loaded from elsewhere", async () => {
    const evaluating = gate();
    onTestFinished(evaluating.open);
    const server = await startScriptedServer({
      script: {
        before: (effect) => (effect === "evaluate:1" ? evaluating.pass() : undefined),
        noGainFrom: 1,
      },
    });
    await server.supervisor.submit({ ...run("r1"), query: HOSTILE });
    await evaluating.reached;
    // As mails link to it.
    const { page, complaints, asked } = await openPage(`${server.url}/run#r1`);
    await page.locator("article[data-status=running]").waitFor();
    expect(page.url()).toBe(`${server.url}/#/runs/r1`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe(HOSTILE);
    expect(await page.locator("[aria-current=step]").textContent()).toBe("Judges");
    await page.getByRole("button", { name: "Cancel" }).waitFor();
    expect(await faults(page)).toEqual([]);
    await withFiles(server, "r1");
    evaluating.open();
    await page.locator("#score").waitFor();
    expect(await page.locator("#score").textContent()).toBe("8/10");
    await page.locator("article[data-status=completed]").waitFor();
    expect(await page.locator("#accuracy").textContent()).toBe(
      "Expected accuracy (correlation with a measured response): 0.80 (90% interval 0.70 to 0.90; 4 measured cell types left out in turn)",
    );
    expect(await page.locator(".files button").count()).toBe(3);
    expect(await page.locator(".basis li").allTextContents()).toEqual(
      restsOn((await server.parts.runs.get("r1"))!.document).map(
        ({ title, text, caution }) => `${caution ? "Note: " : ""}${title}: ${text}`,
      ),
    );
    const states = await page.locator(".timeline .what").allTextContents();
    expect(states).toEqual(
      expect.arrayContaining(["queued", "analyzing", "prompting", "inferring", "evaluating"]),
    );
    expect(await page.title()).toBe("Run · HAYSTACK");
    expect(await page.locator("img, h1 *").count()).toBe(0);
    expect(await faults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    expect(asked.filter((address) => !address.startsWith(server.url))).toEqual([]);
  });

  test("has its report inside the page, which runs nothing of it", async () => {
    const server = await startScriptedServer({ script: { noGainFrom: 1 } });
    await server.supervisor.submit(run("r1"));
    await server.committed("r1", ({ status }) => status === "completed");
    await withFiles(
      server,
      "r1",
      '<style>:root { --ink: rgb(1, 2, 3) } body { color: var(--ink) }</style><main class="page"><h1>What was found</h1><img src="x" onerror="document.title=1"><script>document.title="hit"</script></main>',
    );
    const { page } = await openPage(`${server.url}/#/runs/r1`);
    await page.locator("summary", { hasText: "Report" }).click();
    const heading = page.getByRole("heading", { name: "What was found" });
    await heading.waitFor();
    expect(await heading.evaluate(colour)).toBe("rgb(1, 2, 3)");
    expect(await page.locator("h1").first().evaluate(colour)).not.toBe("rgb(1, 2, 3)");
    expect(await page.title()).toBe("Run · HAYSTACK");
  });

  test("with sign-in by token the window asks for it, gives the files to the user whose run it is, and tells others nothing", async () => {
    const server = await startScriptedServer({ env: { AUTH: "token" } });
    await server.supervisor.submit({ ...run("r1"), user_email: ADA });
    await server.committed("r1", ({ status }) => status === "completed");
    await withFiles(server, "r1");
    const { page } = await openPage(`${server.url}/#/runs/r1`);
    await page.getByLabel("Token").fill("hs_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This token is unknown, expired or revoked").waitFor();
    expect(await faults(page)).toEqual([]);
    await page.getByLabel("Token").fill(await server.token("bo@example.org"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("There is no run").waitFor();
    expect(await page.locator("article.run").count()).toBe(0);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").fill(await server.token(ADA));
    await page.getByRole("button", { name: "Sign in" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.locator(".files button").first().click(),
    ]);
    expect(await readFile(await download.path(), "utf8")).toBe("what was predicted");
  });

  test("is cancelled when its user has said so twice", async () => {
    const server = await startScriptedServer({ script: { jobState: "RUNNING" } });
    await server.supervisor.submit(run("r1"));
    await server.committed("r1", ({ current_phase }) => current_phase === "inference");
    const { page } = await openPage(`${server.url}/#/runs/r1`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "No", exact: true }).click();
    expect((await server.parts.runs.get("r1"))?.document.status).toBe("running");
    await page.getByRole("button", { name: "Cancel" }).click();
    expect(await faults(page)).toEqual([]);
    await page.getByRole("button", { name: "Cancel it" }).click();
    await page.locator("article[data-status=cancelled]").waitFor();
    expect(await page.getByRole("button", { name: "Cancel" }).count()).toBe(0);
  });
});
