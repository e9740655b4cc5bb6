import { chromium, type Browser } from "playwright-core";
import { onTestFinished } from "vitest";
import { describeWith, placeOf } from "./describe-with.ts";
import { BROWSER } from "./real-parts.ts";

/** A suite in a real browser. */
export const describeWithBrowser = describeWith(BROWSER);

const PATIENCE_MS = 90_000;

const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: placeOf(BROWSER),
    args: [
      "--no-sandbox",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
      "--disable-dev-shm-usage",
    ],
    timeout: PATIENCE_MS,
  });

/**
 * A page in a real browser, with everything that it complained of and every address that it asked.
 */
export async function openPage(address: string) {
  const browser = await openBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(address);
  return { page, complaints, asked };
}
