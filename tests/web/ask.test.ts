import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { simulate } from "../../actors/tasks.ts";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startTestServer } from "../support/server.ts";
import { faults } from "./looks.ts";

const QUICK = { COMPUTE_PROCESSES: "1", RECONCILE_SECONDS: "1" };

interface Measured {
  readonly cell_type: string;
  readonly n_cells: number;
  readonly donors: number;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "haystack-window-"));
  const file = join(folder, "simulated.h5ad");
  await simulate({ file, options: { seed: 1, nGenes: 800, cellsPerGroup: 20, nDonors: 3 } });
  const server = await startTestServer({ dataDir: folder });
  await server.daemon.atlases.import({ source: file });
  await server.close();
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));

/** A data folder with the atlas, of one test alone. */
async function ownFolder(): Promise<string> {
  const own = await temporaryFolder();
  await cp(folder, own, { recursive: true });
  return own;
}

describeWithBrowser("asking in the window", () => {
  test("a question is understood before anything is spent, asked, answered and downloaded; a daemon that goes and comes back is told of", async () => {
    const dataDir = await ownFolder();
    const first = await startTestServer({ dataDir, env: QUICK });
    const { page, complaints, asked } = await openPage(`${first.url}/`);
    await page.getByLabel("Question").waitFor();
    await page.locator(".examples button").first().waitFor();
    expect(await faults(page)).toEqual([]);
    await page.getByLabel("Question").fill("How would dogs respond to walks?");
    await page.getByText("It cannot be answered as it stands.").waitFor();
    await page.getByLabel("Question").fill("How would CD14+ monocytes respond to IFN-betta?");
    await page.getByText("By “IFN-betta” I mean").waitFor();
    expect(await faults(page)).toEqual([]);
    await page.getByRole("button", { name: "Interferon beta", exact: true }).click();
    expect(await page.getByLabel("Question").inputValue()).toBe(
      "How would CD14+ monocytes respond to Interferon beta?",
    );
    await page.getByText("Matched control cells are there.").waitFor();
    await page.getByText(/^0\.\d\d \(90% interval/).waitFor();
    await page.getByText("no run of its kind has been completed here. It costs nothing.").waitFor();
    expect(await faults(page)).toEqual([]);
    await page.getByText("Options").click();
    await page.getByLabel("Iterations at most").fill("1");
    await page.getByLabel("Labels").fill("project=window");
    await page.getByRole("button", { name: "Ask", exact: true }).click();
    await page.locator("#score").waitFor();
    await page.locator("article[data-status=completed]").waitFor();
    expect(page.url()).toMatch(/#\/runs\/run-/);
    await page.getByRole("link", { name: "project=window" }).waitFor();
    expect(await page.getByRole("heading", { name: "Iteration 1" }).count()).toBe(1);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.locator(".files button", { hasText: "_predictions.h5ad" }).click(),
    ]);
    const content = await readFile(await download.path());
    expect(content.subarray(0, 8).toString("latin1")).toBe("\x89HDF\r\n\x1a\n");
    await page.locator("summary", { hasText: /^Report$/ }).click();
    await page.frameLocator(".report-place").locator("svg").first().waitFor();
    await page.getByText("What the inference program said").click();
    await page.locator(".log pre").first().waitFor();
    expect(await faults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    expect(
      asked.filter((address) => !address.startsWith(first.url) && !address.startsWith("blob:")),
    ).toEqual([]);

    await page.getByRole("link", { name: "Runs", exact: true }).first().click();
    await page.locator("tbody tr").first().waitFor();
    await first.close();
    await page.getByText("The connection is lost.").waitFor();
    expect(await faults(page)).toEqual([]);
    await startTestServer({
      dataDir,
      env: { ...QUICK, HTTP_PORT: new URL(first.url).port },
    });
    await page.getByText("The connection is lost.").waitFor({ state: "detached" });
    expect(await page.locator("tbody tr .status").first().textContent()).toContain("Completed");
  });

  test("several questions are asked together, from a list and from the map of the atlas", async () => {
    const env = { ...QUICK, AUTH: "token" };
    const server = await startTestServer({ dataDir: await ownFolder(), env });
    const { page } = await openPage(`${server.url}/#/atlas`);
    await page.getByLabel("Token").fill(await server.token("ada@example.org"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "simulated" }).waitFor();
    const cells = page.locator(".map .cell button");
    const { perturbations } = (await (
      await fetch(`${server.url}/api/v1/atlas/perturbations`, {
        headers: { authorization: `Bearer ${await server.token("bo@example.org")}` },
      })
    ).json()) as { perturbations: { name: string; measured: Measured[] }[] };
    const told = (await cells.evaluateAll((all) =>
      all.map((each) => each.getAttribute("aria-label") ?? ""),
    )) as string[];
    expect(told.filter((text) => text.includes(": measured in ")).toSorted()).toEqual(
      perturbations
        .flatMap(({ name, measured }) =>
          measured.map(
            ({ cell_type, n_cells, donors }) =>
              `${cell_type} under ${name}: measured in ${n_cells} cells of ${donors} donors`,
          ),
        )
        .toSorted(),
    );
    await page.getByLabel("Shown").selectOption("donors");
    for (const place of [0, 1]) await cells.nth(place).click();
    expect(await faults(page)).toEqual([]);
    await page.getByRole("button", { name: "Ask 2 questions" }).click();
    await expect.poll(() => page.locator(".understanding .facts").count()).toBe(2);
    expect(await page.getByText("Read by").count()).toBe(2);
    await page.getByRole("button", { name: "Ask 2 questions" }).click();
    await expect.poll(() => page.locator("tbody tr").count()).toBe(2);
    const runs = await server.daemon.runs.list({ user_email: "ada@example.org" });
    expect(runs.map(({ config }) => config.exact_labels)).toEqual([
      expect.objectContaining({ cell_type: expect.any(String) as string }),
      expect.objectContaining({ perturbation: expect.any(String) as string }),
    ]);
    await page.getByRole("link", { name: "Ask", exact: true }).click();
    await page
      .getByLabel("Question")
      .fill("How would B cells respond to IFN-beta?\nand then\n\nT cells?");
    await page.getByRole("button", { name: "Ask 3 questions" }).waitFor();
    await page.getByLabel("These lines are one question").check();
    await page.getByRole("button", { name: "Ask", exact: true }).waitFor();
  });
});
