import axe from "axe-core";
import type { Page } from "playwright-core";

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

const DESK = { width: 1280, height: 720 };
const PHONE = { width: 360, height: 740 };

async function axeFinds(page: Page, scheme: string): Promise<string[]> {
  const found = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }).axe.run(),
  );
  return found.violations
    .filter(({ impact }) => impact !== "minor")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${scheme}: ${id}: ${html} ${failureSummary}`),
    );
}

/**
 * What is wrong with a page as it is shown, in words: what axe finds of level moderate or worse, light
 * and dark, and whether it is wider than a phone.
 */
export async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found: string[] = [];
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    found.push(...(await axeFinds(page, colorScheme)));
  }
  await page.setViewportSize(PHONE);
  const width = await page.evaluate<number>("document.documentElement.scrollWidth");
  if (width > PHONE.width) found.push(`The page is ${width} pixels wide on a phone.`);
  await page.setViewportSize(DESK);
  return found;
}
