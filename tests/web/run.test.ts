import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { resultObjects } from "../../actors/run-objects.ts";
import { HaystackError } from "../../errors.ts";
import { renderReport } from "../../science/report/report.ts";
import { restsOn } from "../../science/report/rests-on.ts";
import type { CellMap } from "../../science/response/cell-map.ts";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { run, temporaryFolder } from "../support/hosted-runs.ts";
import { gate, startScriptedServer, type ScriptedServer } from "../support/scripted-server.ts";
import { differential, runResult } from "../science/report-fixtures.ts";
import { faults } from "./looks.ts";

const HOSTILE =
  'How do B cells respond? <img src=x onerror="document.title=1"><script>document.title="hit"</script>';
const ADA = "ada@example.org";
/** In the browser. */
const colour = (element: unknown): string =>
  (
    globalThis as unknown as { getComputedStyle(of: unknown): { readonly color: string } }
  ).getComputedStyle(element).color;

const MAP: CellMap = {
  origin: ["prediction", "control", "prediction", "control"],
  x: Float64Array.of(2, -2, 2.5, -2.5),
  y: Float64Array.of(1, -1, -1, 1),
  variance_ratio: [0.6, 0.2],
  of: 4,
};

/** Gives the run the files that its scripted steps did not write. */
async function withFiles({ parts }: ScriptedServer, runId: string, report?: string): Promise<void> {
  const { html, json } = await renderReport(runResult(), differential(), MAP);
  const texts: Record<keyof ReturnType<typeof resultObjects>, string> = {
    anndata: "what was predicted",
    report: report ?? html,
    findings: json,
    log: "{}",
  };
  const folder = await temporaryFolder();
  for (const [kind, path] of Object.entries(resultObjects(runId))) {
    const file = join(folder, kind);
    await writeFile(file, texts[kind as keyof typeof texts]);
    await parts.objects.put(path, file);
  }
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
    expect(await page.locator(".files button").count()).toBe(4);
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

  test("shows figures, ranked genes with reliability and evidence with links, as the report does", async () => {
    const server = await startScriptedServer({ script: { noGainFrom: 1 } });
    await server.supervisor.submit(run("r1"));
    await server.committed("r1", ({ status }) => status === "completed");
    await withFiles(server, "r1");
    const { page, complaints } = await openPage(`${server.url}/#/runs/r1`);
    await page.locator("#figure-volcano svg").first().waitFor();
    expect(await page.locator("#figure-map").getByRole("img").getAttribute("aria-label")).toBe(
      "Map of 4 cells on two principal components: 2 control cells, 2 predicted cells.",
    );
    const genes = page.getByRole("region", { name: "Table of genes" });
    expect(await genes.locator("tbody th").first().textContent()).toContain("ISG15");
    expect(await genes.locator("tbody tr").first().textContent()).toContain("0.75");
    const sources = page.locator("#evidence-title ~ * a[href^='https://reactome.org']");
    expect(await sources.count()).toBe(2);
    expect(await page.getByText("✗ contradicts").first().isVisible()).toBe(true);
    expect(await faults(page)).toEqual([]);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save as SVG: Volcano plot" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("r1_volcano.svg");
    expect(await readFile(await download.path(), "utf8")).toMatch(/^<svg xmlns=[^>]*width="\d+"/);
    await page.setViewportSize({ width: 360, height: 740 });
    for (const svg of await page.locator(".drawn svg:visible").all()) {
      const { x, width } = (await svg.boundingBox())!;
      expect([x >= 0, x + width <= 360, width > 250]).toEqual([true, true, true]);
    }
    expect(complaints).toEqual([]);
  });

  test("has its report in a frame of no origin, where it sorts its tables", async () => {
    const server = await startScriptedServer({ script: { noGainFrom: 1 } });
    await server.supervisor.submit(run("r1"));
    await server.committed("r1", ({ status }) => status === "completed");
    await withFiles(server, "r1");
    const { page, complaints } = await openPage(`${server.url}/#/runs/r1`);
    await page.locator("summary", { hasText: /^Report$/ }).click();
    const report = page.frameLocator("iframe");
    await report.getByRole("heading", { name: runResult().query }).waitFor();
    const head = report.getByRole("columnheader", { name: "Adjusted p" }).first();
    await head.getByRole("button").click();
    expect(await head.getAttribute("aria-sort")).toBe("ascending");
    const frame = page.frames().find((each) => each !== page.mainFrame())!;
    expect(await frame.evaluate("origin")).toBe("null");
    expect(await faults(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("runs nothing of a report that others wrote", async () => {
    const server = await startScriptedServer({ script: { noGainFrom: 1 } });
    await server.supervisor.submit(run("r1"));
    await server.committed("r1", ({ status }) => status === "completed");
    await withFiles(
      server,
      "r1",
      '<title>Of others</title><style>h1 { color: rgb(1, 2, 3) }</style><h1>What was found</h1><img src="x" onerror="document.title=1"><script>document.title="hit"; parent.document.title="hit"</script>',
    );
    const { page } = await openPage(`${server.url}/#/runs/r1`);
    await page.locator("summary", { hasText: /^Report$/ }).click();
    const heading = page.frameLocator("iframe").getByRole("heading", { name: "What was found" });
    await heading.waitFor();
    expect(await heading.evaluate(colour)).toBe("rgb(1, 2, 3)");
    const frame = page.frames().find((each) => each !== page.mainFrame())!;
    expect([await page.title(), await frame.title()]).toEqual(["Run · HAYSTACK", "Of others"]);
  });

  test("that failed says why, and is retried from where it failed", async () => {
    let isBroken = true;
    const server = await startScriptedServer({
      script: {
        noGainFrom: 1,
        before: (effect) => {
          if (effect === "evaluate:1" && isBroken)
            throw new HaystackError("JOB_FAILED", "The graphics card caught fire.");
        },
      },
    });
    await server.supervisor.submit(run("r1"));
    const { page, complaints } = await openPage(`${server.url}/#/runs/r1`);
    await page.locator("article[data-status=failed]").waitFor();
    await page.getByRole("alert").getByText("The graphics card caught fire.").waitFor();
    expect(await page.locator(".steps .failed").textContent()).toBe("Judges");
    expect(await page.getByRole("button", { name: "Cancel" }).count()).toBe(0);
    expect(await faults(page)).toEqual([]);
    isBroken = false;
    await withFiles(server, "r1");
    await page.getByRole("button", { name: "Retry" }).click();
    await page.locator("article[data-status=completed]").waitFor();
    await page.locator("#score").waitFor();
    expect(await page.getByText("The graphics card caught fire.").count()).toBe(0);
    expect(server.effects.done.filter((effect) => effect === "analyze")).toHaveLength(1);
    expect(complaints).toEqual([]);
  });

  test("tells each attempt at its jobs, what comes next and until when it waits", async () => {
    const server: ScriptedServer = await startScriptedServer({
      script: {
        jobState: "RUNNING",
        before: (effect) => {
          if (/^submitJob:.*-p-a1$/.test(effect))
            server.effects.jobs.set(effect.slice("submitJob:".length), "FAILED");
        },
      },
    });
    await server.supervisor.submit(run("r1"));
    const { page } = await openPage(`${server.url}/#/runs/r1`);
    const attempts = page.locator(".timeline .what", { hasText: "prediction job: attempt" });
    await expect.poll(() => attempts.count()).toBe(2);
    expect(await attempts.first().textContent()).toBe(
      "prediction job: attempt 1its program failed",
    );
    await page
      .getByText(
        /^It waits for .* job hs-r1.*\. The present attempt may take until .*, longer where its machine came late\.$/,
      )
      .waitFor();
    await page.getByText("What comes next: the prediction is judged.").waitFor();
    await page
      .getByRole("list", { name: "Daemons that had it" })
      .getByText("Taken up by")
      .waitFor();
    expect(await faults(page)).toEqual([]);
  });

  test("that is being cancelled says that its jobs are being stopped", async () => {
    const stopping = gate();
    onTestFinished(stopping.open);
    const server = await startScriptedServer({
      script: {
        jobState: "RUNNING",
        before: (effect) => (effect === "cancelJobs" ? stopping.pass() : undefined),
      },
    });
    await server.supervisor.submit(run("r1"));
    await server.committed("r1", ({ current_phase }) => current_phase === "inference");
    const { page } = await openPage(`${server.url}/#/runs/r1`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Cancel it" }).click();
    await page.locator("article[data-status=cancelling]").waitFor();
    await page.getByRole("status").getByText("its jobs are being stopped").waitFor();
    expect(await faults(page)).toEqual([]);
    stopping.open();
    await page.locator("article[data-status=cancelled]").waitFor();
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
