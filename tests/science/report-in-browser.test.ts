import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { faults } from "../web/looks.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { differential, runResult, reportHtml } from "./report-fixtures.ts";

const EXPECTED = {
  known: true,
  pearson: 0.82,
  low: 0.61,
  high: 0.93,
  responses: 4,
  left_out: "cell types",
} as const;

async function openReport(expected: typeof EXPECTED | null) {
  const file = join(await temporaryFolder(), "report.html");
  await writeFile(
    file,
    await reportHtml(runResult({ expected_accuracy: expected }), differential()),
  );
  return openPage(pathToFileURL(file).href);
}

describeWithBrowser("a report in a browser", () => {
  test.each([
    ["with an expected accuracy, on a desk", EXPECTED, 1100],
    ["with an expected accuracy, on a telephone", EXPECTED, 360],
    ["without one", null, 1100],
  ])("has an answer that can be read: %s", async (_name, expected, width) => {
    const { page, complaints } = await openReport(expected);
    await page.setViewportSize({ width, height: 800 });
    const [whole] = await page.locator("main").all();
    const room = (await whole!.boundingBox())!.width;
    for (const paragraph of await page.locator(".answer p:visible").all())
      expect((await paragraph.boundingBox())!.width).toBeGreaterThan(room / 2);
    expect((await page.locator(".answer").boundingBox())!.height).toBeLessThan(900);
    expect(complaints).toEqual([]);
  });

  test("has no fault that axe finds, and on a telephone nothing is cut off", async () => {
    const { page, complaints } = await openReport(EXPECTED);
    expect(await faults(page)).toEqual([]);
    await page.setViewportSize({ width: 360, height: 740 });
    for (const svg of await page.locator("figure svg:visible").all()) {
      const { x, width } = (await svg.boundingBox())!;
      expect([x >= 0, x + width <= 360, width > 280]).toEqual([true, true, true]);
    }
    expect(await page.locator("figure .narrow svg:visible").count()).toBeGreaterThan(3);
    expect(complaints).toEqual([]);
  });

  test("sorts its tables, by value and not by letters", async () => {
    const { page } = await openReport(EXPECTED);
    const table = page.getByRole("region", { name: "Table of ranked genes" });
    const changes = async (): Promise<number[]> =>
      Promise.all(
        (await table.locator("tbody tr td:nth-of-type(5)").all()).map(async (cell) =>
          Number(await cell.getAttribute("data-value")),
        ),
      );
    const before = await changes();
    const head = table.getByRole("columnheader", { name: "log2 fold change" });
    await head.getByRole("button").click();
    expect(await changes()).toEqual(before.toSorted((a, b) => a - b));
    expect(await head.getAttribute("aria-sort")).toBe("ascending");
    await head.getByRole("button").click();
    expect(await changes()).toEqual(before.toSorted((a, b) => b - a));
    expect(await head.getAttribute("aria-sort")).toBe("descending");
  });

  test("saves each figure as a drawing that stands alone", async () => {
    const { page } = await openReport(EXPECTED);
    for (const figure of await page.locator("figure[data-name]").all()) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        figure.getByRole("button").click(),
      ]);
      expect(download.suggestedFilename()).toMatch(/^run-7f3a_[a-z]+\.svg$/);
      const svg = await readFile(await download.path(), "utf8");
      expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"[^>]* width="\d+"/);
      expect(/^<svg[^>]*>/.exec(svg)?.[0]).not.toContain("aria-hidden");
    }
  });

  test("prints every row, evidence included, on white, within margins", async () => {
    const { page } = await openReport(EXPECTED);
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    expect(await page.evaluate<string>("getComputedStyle(document.body).backgroundColor")).toBe(
      "rgb(255, 255, 255)",
    );
    expect(await page.locator("#evidence-folded tbody tr").first().isVisible()).toBe(true);
    expect(await page.locator(".contents").isVisible()).toBe(false);
    const pages = await page.pdf({ preferCSSPageSize: true });
    expect(pages.subarray(0, 5).toString()).toBe("%PDF-");
    await page.setViewportSize({ width: 675, height: 1_000 });
    expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(675);
  });

  test("folds the evidence that supports, and shows what does not", async () => {
    const { page } = await openReport(EXPECTED);
    const rows = page.locator("#evidence-shown tr, #evidence-folded tr");
    const folded = page.locator("#evidence-folded tbody tr");
    await expect.poll(() => rows.count()).toBeGreaterThan(0);
    expect(await page.getByText("✗ contradicts").first().isVisible()).toBe(true);
    expect(await folded.first().isVisible()).toBe(false);
    await page.getByText(/supports? the prediction/).click();
    expect(await folded.first().isVisible()).toBe(true);
  });
});
