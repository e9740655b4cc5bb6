import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { describe, onTestFinished } from "vitest";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const inPath = (process.env["PATH"] ?? "")
  .split(delimiter)
  .flatMap((folder) => NAMES.map((name) => join(folder, name)));
const executablePath = process.env["CHROMIUM"] ?? inPath.find((file) => existsSync(file));

const hint = "install Chromium, or name its program in CHROMIUM";
if (executablePath === undefined) {
  if (process.env["CI"] === "true") throw new Error(`CI needs a browser: ${hint}.`);
  process.stderr.write(`The tests in a browser are skipped: ${hint}.\n`);
}

/** A suite in a real browser. Skipped, and said so, where there is none. */
export const describeWithBrowser: typeof describe.skip =
  executablePath === undefined ? describe.skip : describe;

const PATIENCE_MS = 90_000;

const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: executablePath ?? "",
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
