import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { waitAfter } from "../../web/src/api/patience.ts";
import { describeWithBrowser, openPage } from "../support/browser.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startTestServer } from "../support/server.ts";

/** What the window does with a daemon, or a proxy before it, that has no time just now. */

test("what a server asks to wait is waited within reason, and never less than our own pause", () => {
  expect([undefined, 0, -5, 7, 86_400, 1e12].map((asked) => waitAfter(asked, 2_000))).toEqual([
    2_000, 2_000, 2_000, 7_000, 60_000, 60_000,
  ]);
});

/** The shortest pause after which the window asks for a stream again, but for the rounding of clocks. */
const OWN_PAUSE_MS = 490;

describeWithBrowser("in a browser", () => {
  /** Refuses the first so many requests of an address; how many came. */
  async function refusing(
    page: Page,
    address: string,
    { times, status, after }: { readonly times: number; status: number; after: string },
  ): Promise<() => number> {
    let came = 0;
    await page.route(address, async (route) => {
      came += 1;
      if (came > times) return route.continue();
      return route.fulfill({
        status,
        headers: { "retry-after": after },
        json: { error: "STORE_UNAVAILABLE", message: "The store is busy." },
      });
    });
    return () => came;
  }

  /** The pauses between the requests for an address that were answered, by the page's own clock. */
  const pauses = async (page: Page, address: string): Promise<number[]> => {
    const began = await page.evaluate<number[], string>(
      (end) =>
        performance
          .getEntriesByType("resource")
          .filter(({ name }) => name.endsWith(end))
          .map(({ startTime }) => startTime),
      address,
    );
    return began.slice(1).map((at, place) => at - (began[place] ?? 0));
  };

  /** A run that has ended, as there is no atlas. */
  async function endedRun() {
    const server = await startTestServer();
    const asked = await fetch(`${server.url}/api/v1/runs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "How would CD14+ monocytes respond to IFN-beta?" }),
    });
    const { run_id: id } = (await asked.json()) as { run_id: string };
    await server.daemon.supervisor.settled(id);
    const { page } = await openPage(`${server.url}/#/runs`);
    await page.locator(`tr[data-run="${id}"]`).waitFor();
    return { page, id, server };
  }

  test("a run that could not be read at first is read again, and its stream is not asked for meanwhile without pause", async () => {
    const { page, id, server } = await endedRun();
    const looks = await refusing(page, `**/api/v1/runs/${id}`, {
      times: 2,
      status: 429,
      after: "1",
    });
    await page.goto(`${server.url}/#/runs/${id}`);
    await page.locator("article[data-status=failed]").waitFor();
    expect(looks()).toBeGreaterThan(2);
    const between = await pauses(page, `/api/v1/runs/${id}/events`);
    expect(between.filter((pause) => pause < OWN_PAUSE_MS)).toEqual([]);
  });

  test("a server that asks for no pause is not asked without one", async () => {
    const { page, id, server } = await endedRun();
    const streams = await refusing(page, `**/api/v1/runs/${id}/events`, {
      times: Infinity,
      status: 503,
      after: "0",
    });
    await page.goto(`${server.url}/#/runs/${id}`);
    await page.locator("article[data-status=failed]").waitFor();
    const between = (): Promise<number[]> => pauses(page, `/api/v1/runs/${id}/events`);
    await expect.poll(async () => (await between()).length).toBeGreaterThan(3);
    const [first = 0, , , fourth = 0] = await between();
    expect(first).toBeGreaterThan(OWN_PAUSE_MS);
    expect(fourth).toBeGreaterThan(2 * OWN_PAUSE_MS);
    expect(streams()).toBeGreaterThan(4);
  });

  test("a piece of a file whose answer was lost is not sent twice: the upload goes on behind it", async () => {
    const server = await startTestServer();
    const { page } = await openPage(`${server.url}/#/atlas`);
    const file = join(await temporaryFolder(), "cells.h5ad");
    const head = Buffer.from("\x89HDF\r\n\x1a\n", "latin1");
    await writeFile(file, Buffer.concat([head, Buffer.alloc(3_000_000)]));
    const offsets: number[] = [];
    await page.route("**/content?*", async (route) => {
      const offset = Number(new URL(route.request().url()).searchParams.get("offset"));
      offsets.push(offset);
      if (offsets.length > 1) return route.continue();
      await route.fetch();
      return route.abort("connectionreset");
    });
    await page.getByLabel("AnnData file (.h5ad)").setInputFiles(file);
    await page.getByRole("button", { name: "Upload", exact: true }).click();
    // It is no AnnData, which is told once all of it has come.
    await page.locator(".notice").filter({ hasText: "cells.h5ad is" }).waitFor();
    expect(offsets.slice(0, 3)).toEqual([0, 0, 1_048_576]);
  });
});
