import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { chromium, type Browser } from "playwright-core";
import { describe } from "vitest";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const inPath = (process.env["PATH"] ?? "").split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
const executablePath = process.env["CHROMIUM"] ?? inPath.find((file) => existsSync(file));

const hint = "install Chromium, or name its program in CHROMIUM";
if (executablePath === undefined) {
  if (process.env["CI"] === "true") throw new Error(`CI needs a browser: ${hint}.`);
  process.stderr.write(`The tests in a browser are skipped: ${hint}.\n`);
}

/** A suite in a real browser. Skipped, and said so, where there is none. */
export const describeWithBrowser: typeof describe.skip = executablePath === undefined ? describe.skip : describe;

export const PATIENCE_MS = 90_000;

export const openBrowser = (): Promise<Browser> => chromium.launch({ executablePath: executablePath ?? "", args: ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", "--disable-dev-shm-usage"], timeout: PATIENCE_MS });
