import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { resultObjects } from "../../actors/run-objects.ts";
import { restsOn } from "../../science/report/rests-on.ts";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { run, temporaryFolder } from "../support/hosted-runs.ts";
import { gate, startScriptedServer, type ScriptedServer } from "../support/scripted-server.ts";

const HOSTILE =
  'How do B cells respond? <img src=x onerror="document.title=1"><script>document.title="hit"</script>';
const ADA = "ada@example.org";

/** Gives the run the files that its scripted steps did not write. */
async function withFiles({ parts }: ScriptedServer, runId: string): Promise<void> {
  const file = join(await temporaryFolder(), "file");
  await writeFile(file, "what was predicted");
  for (const path of Object.values(resultObjects(runId))) await parts.objects.put(path, file);
}

describeWithBrowser("the page of a run", () => {
  test("follows the run to its result; script in the question is text, and nothing is loaded from elsewhere", async () => {
    const evaluating = gate();
    const server = await startScriptedServer({
      script: {
        before: (effect) => (effect === "evaluate:1" ? evaluating.pass() : undefined),
        noGainFrom: 1,
      },
    });
    await server.supervisor.submit({ ...run("r1"), query: HOSTILE });
    await evaluating.reached;
    const { page, complaints, asked } = await openPage(`${server.url}/run#r1`);
    await page.locator("#status", { hasText: "running" }).waitFor();
    expect(await page.locator("#question").textContent()).toBe(HOSTILE);
    expect(await page.getByRole("button").allTextContents()).toEqual(["Cancel"]);
    await withFiles(server, "r1");
    evaluating.open();
    await page.locator("#result").waitFor();
    expect(await page.locator("#score").textContent()).toBe("8/10");
    expect(await page.locator("#status").textContent()).toBe("completed");
    expect(await page.locator("#accuracy").textContent()).toBe(
      "Expected accuracy (correlation with a measured response): 0.80 (90% interval 0.70 to 0.90; 4 measured cell types left out in turn)",
    );
    expect(await page.locator("#files li").count()).toBe(3);
    expect(await page.locator("#rests-on li").allTextContents()).toEqual(
      restsOn((await server.parts.runs.get("r1"))!.document).map(
        ({ title, text, caution }) => `${caution ? "! " : ""}${title}: ${text}`,
      ),
    );
    expect(await page.title()).toBe("HAYSTACK run");
    expect(await page.locator("img, #question *").count()).toBe(0);
    expect(complaints).toEqual([]);
    expect(asked.filter((address) => !address.startsWith(server.url))).toEqual([]);
  });

  test("with sign-in by token it asks for it, gives the files to the user whose run it is, and tells others nothing", async () => {
    const server = await startScriptedServer({ env: { AUTH: "token" } });
    await server.supervisor.submit({ ...run("r1"), user_email: ADA });
    await server.committed("r1", ({ status }) => status === "completed");
    await withFiles(server, "r1");
    const { page } = await openPage(`${server.url}/run#r1`);
    await page.locator("#token").fill(await server.token("bo@example.org"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("There is no run").waitFor();
    expect(await page.locator("#about").isVisible()).toBe(false);
    await page.evaluate(() => sessionStorage.clear());
    await page.reload();
    await page.locator("#token").fill(await server.token(ADA));
    await page.getByRole("button", { name: "Sign in" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.locator("#files button").first().click(),
    ]);
    expect(await readFile(await download.path(), "utf8")).toBe("what was predicted");
    const policy = (await fetch(`${server.url}/run`)).headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
  });

  test("cancels a run", async () => {
    const server = await startScriptedServer({ script: { jobState: "RUNNING" } });
    await server.supervisor.submit(run("r1"));
    await server.committed("r1", ({ current_phase }) => current_phase === "inference");
    const { page } = await openPage(`${server.url}/run#r1`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator("#status", { hasText: "cancelled" }).waitFor();
    expect(await page.getByRole("button").count()).toBe(0);
  });
});
