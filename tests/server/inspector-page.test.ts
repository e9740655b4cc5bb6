import { expect, test } from "vitest";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { run } from "../support/hosted-runs.ts";
import { gate, startScriptedServer } from "../support/scripted-server.ts";

const HOSTILE =
  'How do B cells respond? <img src=x onerror="document.title=1"><script>document.title="hit"</script>';

describeWithBrowser("the page of the inspector", () => {
  test("the page draws the machine and follows a run through its states, and script in the question is text", async () => {
    const [analyzing, evaluating] = [gate(), gate()];
    const server = await startScriptedServer({
      script: {
        jobState: "RUNNING",
        before: (effect) =>
          effect === "analyze"
            ? analyzing.pass()
            : effect === "evaluate:1"
              ? evaluating.pass()
              : undefined,
      },
    });
    await server.supervisor.submit({ ...run("r1"), query: HOSTILE });
    await analyzing.reached;
    const { page, complaints, asked } = await openPage(`${server.url}/inspector#r1`);
    const active = (path: string, machine = "run") =>
      page.locator(`[data-machine="${machine}"][data-path="${path}"].active`).waitFor();
    await active("analyzing");
    expect(await page.locator("#question").textContent()).toBe(HOSTILE);
    analyzing.open();
    await active("inferring.separate.prediction.predicting");
    await page
      .locator(
        '[data-machine="inferenceJob"][data-path="awaiting"].active:has(.tag:text-is("predictionJob")):has(.tag:text-is("controlJob"))',
      )
      .waitFor();
    expect(await page.locator('[data-machine="run"].active').count()).toBe(6);
    for (const id of server.effects.jobs.keys()) {
      server.effects.jobs.set(id, "SUCCEEDED");
      await server.supervisor.deliver("r1", {
        id,
        event: { type: "job.changed", job_id: id, state: "SUCCEEDED" },
      });
    }
    await active("evaluating.scoring");
    expect(await page.locator('[data-machine="inferenceJob"].active').count()).toBe(0);
    evaluating.open();
    await active("completed");
    await page.getByText("completed", { exact: true }).and(page.locator("#status")).waitFor();
    expect(await page.locator("#scores").textContent()).toBe("8");
    expect(await page.locator("#log li").first().textContent()).toContain("→ completed");
    expect(await page.title()).toBe("HAYSTACK inspector");
    expect(await page.locator("img, #question *").count()).toBe(0);
    expect(complaints).toEqual([]);
    expect(asked.filter((address) => !address.startsWith(server.url))).toEqual([]);
  });

  test("with sign-in by token the page asks for it, and a policy allows its own files only", async () => {
    const server = await startScriptedServer({
      env: { AUTH: "token" },
      script: { jobState: "RUNNING" },
    });
    await server.supervisor.submit(run("r1"));
    const { page } = await openPage(`${server.url}/inspector#r1`);
    await page.locator("#token").fill(await server.token("root@example.org", "admin"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator('[data-machine="run"][data-path="inferring"].active').waitFor();
    expect(await page.locator("#sign-in").isVisible()).toBe(false);
    const policy =
      (await fetch(`${server.url}/inspector`)).headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain("unsafe");
  });
});
