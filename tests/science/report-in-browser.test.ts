import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { renderReport } from "../../science/report/report.ts";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { differential, runResult } from "./report-fixtures.ts";

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
    await renderReport(runResult({ expected_accuracy: expected }), differential()),
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
    for (const paragraph of await page.locator(".answer p").all())
      expect((await paragraph.boundingBox())!.width).toBeGreaterThan(room / 2);
    expect((await page.locator(".answer").boundingBox())!.height).toBeLessThan(900);
    expect(complaints).toEqual([]);
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
