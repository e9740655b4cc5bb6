import { fork } from "node:child_process";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { BROWSER } from "../tests/support/real-parts.ts";
import { buildWindow } from "../web/build.ts";
import type { ServerMessage, ServerReady, ServerSettings } from "./http-server.ts";

/**
 * The list of runs in a real browser while all of them go on, the daemon in a process of its own: when
 * it can be used, how much is loaded, and how long its frames take. Prints JSON.
 */

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "100" },
    seconds: { type: "string", default: "20" },
  },
});
const runs = Number(values.runs);
const seconds = Number(values.seconds);
if (BROWSER.found === undefined) throw new Error(`There is no browser here; ${BROWSER.hint}.`);
await buildWindow();

const settings: ServerSettings = { runs, working: runs, waiting: 0, streams: 10 };
const child = fork(new URL("http-server.ts", import.meta.url), [JSON.stringify(settings)]);
const ready = Promise.withResolvers<ServerReady>();
child.on("exit", (code) => ready.reject(new Error(`The server ended with ${code}.`)));
child.on("message", (message: ServerMessage) => {
  if ("ready" in message) ready.resolve(message.ready);
});
const { url, token } = await ready.promise;

interface Figures {
  readonly interactive_ms: number;
  readonly loaded_bytes: number;
  readonly frames: number;
  readonly frame_p50_ms: number;
  readonly frame_p99_ms: number;
  readonly frame_worst_ms: number;
  readonly frames_over_100_ms: number;
  readonly long_tasks: number;
  readonly longest_task_ms: number;
  readonly rows_changed: number;
}

/** In the page: what is measured is there before anything of the window runs. */
const WATCHING = `
  const figures = { shown: undefined, gaps: [], tasks: [], changes: 0, on: false };
  globalThis.figures = figures;
  let last;
  const frame = (now) => {
    if (figures.shown === undefined && document.querySelector("tbody tr") !== null) figures.shown = now;
    if (figures.on && last !== undefined) figures.gaps.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  new PerformanceObserver((list) => {
    if (figures.on) for (const { duration } of list.getEntries()) figures.tasks.push(duration);
  }).observe({ entryTypes: ["longtask"] });
  new MutationObserver((records) => {
    if (!figures.on) return;
    const rows = new Set(records.map(({ target }) => (target.closest?.("tr") ?? target.parentElement?.closest("tr"))));
    rows.delete(null); rows.delete(undefined);
    figures.changes += rows.size;
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
`;
const RESULT = `(() => {
  const { shown, gaps, tasks, changes } = globalThis.figures;
  const sorted = gaps.toSorted((a, b) => a - b);
  const at = (share) => Number((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1));
  const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter(({ name }) => !name.includes("/api/"));
  return {
    interactive_ms: Math.round(shown),
    loaded_bytes: loaded.reduce((total, { transferSize }) => total + transferSize, 0),
    frames: gaps.length,
    frame_p50_ms: at(0.5),
    frame_p99_ms: at(0.99),
    frame_worst_ms: at(1),
    frames_over_100_ms: gaps.filter((gap) => gap > 100).length,
    long_tasks: tasks.length,
    longest_task_ms: Math.round(Math.max(0, ...tasks)),
    rows_changed: changes,
  };
})()`;

const browser = await chromium.launch({
  executablePath: BROWSER.found,
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
await page.addInitScript(`sessionStorage.setItem("token", ${JSON.stringify(token)});`);
await page.addInitScript(WATCHING);
// What the machine makes of a page on which nothing happens.
await page.goto(`${url}/livez`);
await page.evaluate("globalThis.figures.on = true");
await page.waitForTimeout((seconds * 1_000) / 2);
const idle = await page.evaluate<Figures>(RESULT);
await page.goto(`${url}/#/runs`);
await page
  .locator("tbody tr")
  .nth(runs - 1)
  .waitFor();
await page.evaluate("globalThis.figures.on = true");
await page.waitForTimeout(seconds * 1_000);
const figures = await page.evaluate<Figures>(RESULT);
await browser.close();
const exited = new Promise((resolve) => child.once("exit", resolve));
child.send("stop");
await exited;
const { frame_p50_ms, frame_p99_ms, frame_worst_ms, frames_over_100_ms } = idle;
console.log(
  JSON.stringify(
    {
      live_runs: runs,
      seconds,
      ...figures,
      empty_page: { frame_p50_ms, frame_p99_ms, frame_worst_ms, frames_over_100_ms },
    },
    null,
    2,
  ),
);
