import type { Page, Route } from "playwright-core";
import { expect, test } from "vitest";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { run } from "../support/hosted-runs.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { faults } from "./looks.ts";

type Answer = readonly [status: number, error: string, message: string] | "lost" | "done";

const ENDED: Answer = [
  409,
  "RUN_STATE_FORBIDS",
  "This run has completed; nothing is left to stop.",
];
const FULL: Answer = [429, "QUOTA_REACHED", "You have 3 runs under way; ask again later."];
const LOST: Answer = "lost";
const DONE: Answer = "done";
const LABELS: Answer = [422, "LIMIT_EXCEEDED", "It may have 20 iterations at most."];

/** The daemon answers what goes to these addresses so, one after the other; what was sent there. */
async function answering(page: Page, address: string, answers: readonly Answer[]) {
  const sent: string[] = [];
  await page.route(address, async (route: Route) => {
    const request = route.request();
    if (request.method() !== "POST") return route.fallback();
    const answer = answers[sent.length] ?? DONE;
    sent.push(request.postData() ?? request.url());
    if (answer === "lost") return route.abort();
    if (answer === "done")
      return route.fulfill({ status: 202, json: { run_id: `r${sent.length}` } });
    const [status, error, message] = answer;
    return route.fulfill({ status, json: { error, message } });
  });
  return sent;
}

describeWithBrowser("several at once in the window", () => {
  test.each<
    readonly [
      what: string,
      wish: "cancel" | "retry",
      answers: readonly Answer[],
      sent: number,
      told: string,
      left: string | null,
    ]
  >([
    ["all", "cancel", [], 3, "3 of 3 runs cancelled.", null],
    [
      "one ended before",
      "cancel",
      [ENDED],
      3,
      "2 of 3 runs cancelled.question 2: This run",
      "1 run",
    ],
    [
      "a moment too many",
      "cancel",
      [DONE, FULL],
      3,
      "2 of 3 runs cancelled.question 1: You",
      "1 run",
    ],
    [
      "all ended",
      "retry",
      [ENDED, ENDED, ENDED],
      3,
      "0 of 3 runs resumed.question 2: Th",
      "3 runs",
    ],
    ["a lost daemon", "cancel", [DONE, LOST], 2, "1 of 3 runs cancelled.question 1: The", "2 runs"],
  ])(
    "runs: one that is refused keeps no other (%s, %s)",
    async (_, wish, answers, count, told, left) => {
      const server = await startScriptedServer({ script: { jobState: "RUNNING" } });
      for (const place of [0, 1, 2])
        await server.parts.runs.insert({
          ...run(`r${place}`),
          query: `question ${place}`,
          ...(wish === "retry"
            ? { status: "failed", current_phase: "inference" }
            : { status: "running", current_phase: "inference" }),
          created_at: new Date(1_800_000_000_000 + place * 1_000).toISOString(),
        });
      const { page } = await openPage(`${server.url}/#/runs`);
      const sent = await answering(page, `**/api/v1/runs/*/${wish}`, answers);
      await page.locator(".run-link").nth(2).waitFor();
      await page.locator(".run-link").first().focus();
      for (const key of ["x", "j", "x", "j", "x"]) await page.keyboard.press(key);
      await page.getByText("3 runs chosen").waitFor();
      const label = wish === "cancel" ? "Cancel" : "Retry";
      await page.getByRole("button", { name: label, exact: true }).click();
      await page.getByRole("button", { name: `${label} them` }).click();
      const notice = page.locator(".notice", { hasText: ` of 3 runs ` });
      await notice.waitFor();
      expect(await notice.locator("> div").textContent()).toContain(told);
      expect(sent).toHaveLength(count);
      const bar = page.getByText(/^\d runs? chosen$/);
      if (left === null) await bar.waitFor({ state: "detached" });
      else expect(await bar.textContent()).toBe(`${left} chosen`);
      expect(await faults(page)).toEqual([]);
    },
  );

  test("questions: what is refused for good keeps no other, what passes is asked again", async () => {
    const server = await startScriptedServer();
    const { page } = await openPage(`${server.url}/#/`);
    const answers: Answer[] = [DONE, LABELS, DONE];
    const sent = await answering(page, "**/api/v1/runs", answers);
    const field = page.getByLabel("Question, or");
    const ask = page.getByRole("button", { name: /^Ask( \d questions)?$/ });
    const told = () => page.locator("form .notice.bad > div").textContent();
    await field.fill("question 0\nquestion 1\nquestion 2");
    await ask.click();
    await page.getByText("2 of 3 questions were asked. To the runs").waitFor();
    expect(await told()).toContain("“question 1”: It may have 20 iterations at most.");
    await expect.poll(() => page.locator(".waiting").count()).toBe(0);
    expect(await faults(page)).toEqual([]);

    // What was told is of the questions that were sent, whatever is written now.
    await field.fill("question 1");
    expect(await told()).toContain("2 of 3 questions were asked.");
    answers.push(LABELS);
    await ask.click();
    await page.getByText("Nothing was asked. It may have 20 iterations at most.").waitFor();
    expect(sent).toHaveLength(4);

    answers.push(DONE, LOST);
    await field.fill("question 3\nquestion 4\nquestion 5");
    await ask.click();
    await page.getByText("1 of 3 questions was asked; asking again asks the rest.").waitFor();
    expect(await told()).toContain("“question 4”: The daemon cannot be reached.");
    expect(sent).toHaveLength(6);

    answers.push(FULL);
    await ask.click();
    await page.getByText("“question 3”: You have 3 runs under way; ask again later.").waitFor();
    expect(await told()).toMatch(/^Nothing was asked\./);
    expect(sent).toHaveLength(7);
    await ask.click();
    await page.waitForURL(/#\/runs$/);
    expect(sent).toHaveLength(10);
  });
});
