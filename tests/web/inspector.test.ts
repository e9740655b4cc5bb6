import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import type { AnyStateMachine, AnyStateNode } from "xstate";
import { inferenceJobMachine } from "../../machines/inference-job.ts";
import { runMachine } from "../../machines/run.ts";
import { stopJobsMachine } from "../../machines/stop-jobs.ts";
import { HaystackError } from "../../errors.ts";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { run } from "../support/hosted-runs.ts";
import type { Persisted } from "../support/persisted-steps.ts";
import { gate, startScriptedServer } from "../support/scripted-server.ts";
import { storedStates } from "../support/stored-states.ts";
import { faults } from "./looks.ts";

const HOSTILE =
  'How do B cells respond? <img src=x onerror="document.title=1"><script>document.title="hit"</script>';
const MACHINES: Readonly<Record<string, AnyStateMachine>> = {
  run: runMachine,
  inferenceJob: inferenceJobMachine,
  stopJobs: stopJobsMachine,
};

const nodesOf = (node: AnyStateNode): AnyStateNode[] => [
  node,
  ...Object.values(node.states).flatMap(nodesOf),
];

/** States and transitions of a machine, as XState has them. */
function partsOf(machine: AnyStateMachine): { states: string[]; transitions: string[] } {
  const nodes = nodesOf(machine.root);
  return {
    states: nodes.map(({ path }) => path.join(".")).toSorted(),
    transitions: nodes
      .flatMap((node) =>
        [...[...node.transitions.values()].flat(), ...(node.always ?? [])].map(
          ({ target }) =>
            `${node.path.join(".")} -> ${target?.map(({ path }) => path.join(".")).join() ?? ""}`,
        ),
      )
      .toSorted(),
  };
}

const drawn = (page: Page, actor: string) => ({
  states: () =>
    page
      .locator(`svg[data-actor="${actor}"] .state`)
      .evaluateAll((all) => all.map((each): string => each.getAttribute("data-path") ?? ""))
      .then((paths) => paths.toSorted()),
  async transitions(): Promise<string[]> {
    const leading = await page
      .locator(`svg[data-actor="${actor}"] .arrow:not([data-at="-1"])`)
      .evaluateAll((all) =>
        all.map((each) => `${each.getAttribute("data-from")} -> ${each.getAttribute("data-to")}`),
      );
    const staying = await page
      .locator(`svg[data-actor="${actor}"] .inner`)
      .evaluateAll((all) =>
        all.map((each) => `${each.parentElement?.getAttribute("data-path")} -> `),
      );
    return [...leading, ...staying].toSorted();
  },
});

/** The lit states of each actor. */
const litIn = async (page: Page): Promise<Record<string, string[]>> => {
  const lit = await page
    .locator("svg[data-actor] .lit")
    .evaluateAll((all) =>
      all.map((each): [string, string] => [
        each.closest("svg")?.getAttribute("data-actor") ?? "",
        each.getAttribute("data-path") ?? "",
      ]),
    );
  return Object.fromEntries(
    [...Map.groupBy(lit, ([actor]) => actor)].map(([actor, states]) => [
      actor,
      states.map(([, path]) => path).toSorted(),
    ]),
  );
};

describeWithBrowser("the inspector", () => {
  test("draws every state and transition of every machine, and tells guards and actions of what is chosen", async () => {
    const server = await startScriptedServer();
    const { page, complaints, asked } = await openPage(`${server.url}/#/inspector`);
    for (const [name, machine] of Object.entries(MACHINES)) {
      await page.locator(`svg[data-actor="${name}"]`).waitFor();
      expect({
        states: await drawn(page, name).states(),
        transitions: await drawn(page, name).transitions(),
      }).toEqual(partsOf(machine));
    }
    const chart = page.locator('svg[data-actor="run"]');
    await chart
      .locator('.arrow[data-from="evaluating.deciding"][data-to="outputting"] [role=button]')
      .focus();
    await page.keyboard.press("Enter");
    const details = page.getByRole("region", { name: "What is chosen" });
    await expect
      .poll(() => details.locator("dd").allTextContents())
      .toEqual(["always", "shouldStop", "chooseDelivered", "outputting"]);
    await page
      .locator('svg[data-actor="inferenceJob"] .state[data-path="checking"] > .title')
      .click();
    await details.getByText("On entry: forgetChange.").waitFor();
    await details.getByRole("cell", { name: "isHeldOtherwise" }).waitFor();
    expect(await faults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    expect(asked.filter((address) => !address.startsWith(server.url))).toEqual([]);
  });

  test("goes back and forth through a run: at each commit what is lit is what was stored, and script in the question is text", async () => {
    const [second, judged] = [gate(), gate()];
    const stored = new Map<number, string>();
    let hasFailed = false;
    const server = await startScriptedServer({
      onStored: ({ snapshot, expect: { revision } }) => void stored.set(revision + 1, snapshot),
      script: {
        scores: [3, 8],
        async before(effect) {
          if (effect === "evaluate:1" && !hasFailed) {
            hasFailed = true;
            throw new HaystackError("PREDICTION_INVALID", "It could not be judged.");
          }
          if (effect === "prompt:2") await second.pass();
          if (effect === "evaluate:2") await judged.pass();
        },
      },
    });
    await server.supervisor.submit({ ...run("r1"), query: HOSTILE });
    await server.committed("r1", ({ status }) => status === "failed");
    await server.supervisor.deliver("r1", { id: "again", event: { type: "retry.requested" } });
    await second.reached;
    // As earlier releases linked to it.
    const { page, complaints } = await openPage(`${server.url}/inspector#r1`);
    await page.locator('svg[data-actor="run"] .lit[data-path="prompting"]').waitFor();
    expect(page.url()).toBe(`${server.url}/#/inspector/r1`);
    second.open();
    await judged.reached;
    await page.locator('svg[data-actor="run"] .lit[data-path="evaluating.scoring"]').waitFor();
    expect(await faults(page)).toEqual([]);
    judged.open();
    await page.locator('svg[data-actor="run"] .lit[data-path="completed"]').waitFor();
    const scrubber = page.getByRole("slider", { name: "Commit of the run" });
    const commits = Number(await scrubber.getAttribute("max"));
    expect(commits).toBeGreaterThan(15);
    for (let place = commits; place > 0; place -= 1) {
      await scrubber.fill(String(place));
      const text = await page
        .getByText(`Commit ${place} of ${commits} (revision `)
        .first()
        .textContent();
      const revision = Number(/revision (\d+)/.exec(text ?? "")?.[1]);
      const states = storedStates(JSON.parse(stored.get(revision) ?? "{}") as Persisted);
      await expect.poll(() => litIn(page)).toEqual(Object.fromEntries(states));
    }
    await page.getByRole("button", { name: "Later", exact: true }).click();
    await page.getByText(`Commit 2 of ${commits} `).waitFor();
    await page.getByRole("button", { name: "Now", exact: true }).click();
    await page.locator('svg[data-actor="run"] .lit[data-path="completed"]').waitFor();
    expect(await page.getByRole("link", { name: HOSTILE }).getAttribute("href")).toBe("#/runs/r1");
    expect(await page.title()).toBe("Inspector · HAYSTACK");
    expect(await page.locator("main img").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  test("is no page for users, and tells of runs that there are not", async () => {
    const server = await startScriptedServer({ env: { AUTH: "token" } });
    const { page } = await openPage(`${server.url}/#/inspector`);
    await page.getByLabel("Token").fill(await server.token("ada@example.org"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator(".notice.bad", { hasText: "administrator" }).waitFor();
    expect(await page.getByRole("link", { name: "Inspector" }).count()).toBe(0);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").fill(await server.token("root@example.org", "admin"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator('svg[data-actor="run"]').waitFor();
    await page.evaluate("location.hash = '#/inspector/nobody'");
    await page.locator(".notice.bad").waitFor();
    expect(await faults(page)).toEqual([]);
  });
});
