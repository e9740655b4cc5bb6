import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium, type BrowserContextOptions, type Page } from "playwright-core";
import { simulate } from "../actors/tasks.ts";
import { newRunId, newSeed } from "../actors/new-run.ts";
import { resultObjects } from "../actors/run-objects.ts";
import { loadConfig } from "../config.ts";
import { openDaemon } from "../daemon.ts";
import { serve } from "../serve.ts";
import { newRun } from "../services/runs/document.ts";
import { BROWSER } from "../tests/support/real-parts.ts";
import { buildWindow } from "../web/build.ts";

/**
 * Pictures of every page of the window, light and dark, on a phone and on 4K, of a simulated atlas and
 * real runs; also said is which page is wider than its screen. Into .cache/screenshots, or the folder
 * that is named; with `--only run,report` of these pages alone. With `--pictures docs/pictures` the few
 * that stand in the README are written there instead, each as large as a screen.
 */
const SCREENS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { viewport: { width: 1280, height: 900 }, colorScheme: "light" },
  dark: { viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
  phone: { viewport: { width: 360, height: 740 }, colorScheme: "light" },
  "4k": { viewport: { width: 3840, height: 2160 }, colorScheme: "light" },
};
const ASKED = [
  { query: "How would CD14+ monocytes respond to IFN-beta?", name: undefined, cancels: false },
  { query: "How would B cells respond to dexamethasone?", name: "Steroids", cancels: false },
  { query: "How would martians respond to IFN-gamma?", name: undefined, cancels: false },
  { query: "How would CD4+ T cells respond to IFN-gamma?", name: undefined, cancels: true },
] as const;

if (BROWSER.found === undefined) throw new Error(`There is no browser here; ${BROWSER.hint}.`);
const { values, positionals } = parseArgs({
  options: { only: { type: "string" }, pictures: { type: "string" } },
  allowPositionals: true,
});
const folder = resolve(positionals[0] ?? ".cache/screenshots");
await mkdir(folder, { recursive: true });
await buildWindow();

const data = await mkdtemp(join(tmpdir(), "haystack-screenshots-"));
const config = loadConfig({ HTTP_PORT: "0", RECONCILE_SECONDS: "1" }, data);
const daemon = await openDaemon(config, {
  sweeps: true,
  onTrouble: (error) => console.error(error.message),
});
const server = await serve(config, daemon);
const file = join(data, "simulated.h5ad");
await simulate({ file, options: { seed: 1, nGenes: 800, cellsPerGroup: 20, nDonors: 3 } });
await daemon.atlases.import({ source: file });
const ids: string[] = [];
for (const { query, name, cancels } of ASKED) {
  const run = newRun({
    run_id: newRunId(),
    query,
    name,
    ...(name === undefined ? {} : { labels: { project: "dose", batch: "3" } }),
    user_email: null,
    config: { max_iterations: 3 },
    random_seed: newSeed(),
    now: Date.now(),
  });
  const settled = daemon.supervisor.settled(run.run_id);
  await daemon.supervisor.submit(run);
  if (cancels)
    await daemon.supervisor.deliver(run.run_id, {
      id: "cancel",
      event: { type: "cancel.requested" },
    });
  await settled;
  ids.push(run.run_id);
}

const [done = "", other = "", failed = "", cancelled = ""] = ids;
daemon.supervisor.pauseAdmission(true);
const queued = newRunId();
await daemon.supervisor.submit(
  newRun({
    run_id: queued,
    query: ASKED[0].query,
    user_email: null,
    config: {},
    random_seed: newSeed(),
    now: Date.now(),
  }),
);
const question = encodeURIComponent("How would CD14+ monocytes respond to Interferon beta?");
const openReport = async (page: Page): Promise<void> => {
  await page.locator("details.report summary").first().click();
  await page.frameLocator("iframe").locator("figure svg:visible").first().waitFor();
  await page.locator("iframe").scrollIntoViewIfNeeded();
};
const upload = async (page: Page): Promise<void> => {
  const asking = page.locator("article[data-upload=received] form");
  if ((await asking.count()) === 0) {
    await page.setInputFiles("input[type=file]", file);
    await page.getByRole("button", { name: "Upload" }).click();
  }
  await asking.first().waitFor();
};
const loseConnection = async (page: Page): Promise<void> => {
  await page.route(/\/events(?:\?|$)/, (route) => route.abort("connectionrefused"));
  await page.reload();
  await page.getByText("The connection is lost.").first().waitFor();
};
const report = await daemon.objects.fetch({ path: resultObjects(done).report });
const PAGES: Readonly<
  Record<
    string,
    {
      readonly at: string;
      readonly until: string;
      readonly opening?: (page: Page) => Promise<void>;
    }
  >
> = {
  ask: { at: "#/", until: ".examples button" },
  understood: { at: `#/?question=${question}`, until: "text=90% interval" },
  "not-understood": { at: "#/?question=Why%3F", until: ".understanding .notice" },
  runs: { at: "#/runs", until: "tr[data-run]" },
  "no-runs": { at: "#/runs?text=nothing", until: ".empty" },
  run: { at: `#/runs/${done}`, until: "#figure-map svg:visible" },
  report: { at: `#/runs/${done}`, until: "#score", opening: openReport },
  "report-alone": { at: pathToFileURL(report).href, until: "figure svg:visible" },
  "cancelled-run": { at: `#/runs/${cancelled}`, until: "article[data-status=cancelled]" },
  "failed-run": { at: `#/runs/${failed}`, until: ".notice.bad" },
  "unknown-run": { at: "#/runs/unknown", until: ".notice.bad" },
  "queued-run": { at: `#/runs/${queued}`, until: "article[data-status=pending]" },
  "lost-connection": {
    at: `#/runs/${queued}`,
    until: "article[data-status=pending]",
    opening: loseConnection,
  },
  compare: { at: `#/compare?id=${done}&id=${other}&id=${failed}`, until: "table.compare" },
  atlas: { at: "#/atlas", until: "table.map" },
  upload: { at: "#/atlas", until: "#upload-title", opening: upload },
  operations: { at: "#/operations", until: "#health-title" },
  inspector: { at: "#/inspector", until: "svg[data-actor=run]" },
  "inspected-run": { at: `#/inspector/${done}`, until: "svg .lit" },
};

/** In the page. */
const toTop = (element: unknown): void => (element as { scrollIntoView(): void }).scrollIntoView();
const wished = Object.entries(PAGES).filter(
  ([name]) => values.only === undefined || values.only.split(",").includes(name),
);
const browser = await chromium.launch({
  executablePath: BROWSER.found,
  args: ["--no-sandbox", "--disable-dev-shm-usage"],
});
const screens = values.pictures === undefined ? SCREENS : {};
for (const [screen, options] of Object.entries(screens)) {
  const page = await browser.newPage(options);
  for (const [name, { at, until, opening }] of wished) {
    await page.unrouteAll();
    await page.goto("about:blank");
    await page.goto(at.startsWith("#") ? `${server.url}/${at}` : at);
    await page.locator(until).first().waitFor();
    await opening?.(page);
    const [wide = 0, room = 0] = await page.evaluate<number[]>(
      "[document.documentElement.scrollWidth, innerWidth]",
    );
    if (wide > room) console.log(`${name} is ${wide} pixels wide on ${screen}.`);
    await page.screenshot({ path: join(folder, `${name}-${screen}.png`), fullPage: true });
  }
  await page.close();
}
/** What the README shows, and the place of the page to which it is scrolled. */
const PICTURED: Readonly<Record<string, string>> = {
  understood: "h1",
  run: "section:has(> #figure-volcano)",
  "report-alone": "h1",
  atlas: "h1",
  runs: "h1",
};
if (values.pictures !== undefined) {
  const pictures = resolve(values.pictures);
  await mkdir(pictures, { recursive: true });
  const page = await browser.newPage({ viewport: { width: 1120, height: 700 } });
  for (const [name, shown] of Object.entries(PICTURED)) {
    const { at, until } = PAGES[name]!;
    await page.goto("about:blank");
    await page.goto(at.startsWith("#") ? `${server.url}/${at}` : at);
    await page.locator(until).first().waitFor();
    if (shown !== "h1") await page.locator(shown).evaluate(toTop);
    await page.screenshot({ path: join(pictures, `${name}.png`) });
  }
  await page.close();
}
await browser.close();
await server.close();
await daemon.close();
await rm(data, { recursive: true, force: true, maxRetries: 10 });
if (values.pictures === undefined)
  console.log(`${wished.length * Object.keys(SCREENS).length} pictures are in ${folder}.`);
