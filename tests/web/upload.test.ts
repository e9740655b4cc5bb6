import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openPage, describeWithBrowser } from "../support/browser.ts";
import { describeWithData, KANG } from "../support/data.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startTestServer } from "../support/server.ts";
import { faults } from "./looks.ts";

const ROOT = "root@example.org";
const PATIENCE = { timeout: 120_000 };

describeWithBrowser("upload of an atlas in the window", () => {
  describeWithData("of real cells", () => {
    test("from the file to a run on it, by keys alone; what is no AnnData is refused", async () => {
      const server = await startTestServer({
        env: { AUTH: "token", RECONCILE_SECONDS: "1" },
      });
      const { page, complaints } = await openPage(`${server.url}/#/atlas`);
      await page.getByLabel("Token").fill(await server.token(ROOT, "admin"));
      await page.keyboard.press("Enter");
      await page.getByText("There is no atlas yet.").waitFor();
      expect(await faults(page)).toEqual([]);

      const folder = await temporaryFolder();
      const text = join(folder, "table.h5ad");
      await writeFile(text, "gene,cell\n".repeat(1_000));
      const input = page.getByLabel("AnnData file (.h5ad)");
      await input.setInputFiles(text);
      await page.getByRole("button", { name: "Upload", exact: true }).focus();
      await page.keyboard.press("Enter");
      await page.getByText("table.h5ad is").waitFor(PATIENCE);

      const file = join(folder, "kang.h5ad");
      await copyFile(KANG, file);
      await input.setInputFiles(file);
      await page.getByRole("button", { name: "Upload", exact: true }).focus();
      await page.keyboard.press("Enter");
      await page.getByText("1,556 cells, 1,267 genes").waitFor(PATIENCE);
      const choice = (name: string) => page.getByRole("combobox", { name, exact: true });
      expect(await choice("Cell types").inputValue()).toBe("cell_type");
      expect(await choice("Perturbations").inputValue()).toBe("perturbation");
      expect(await page.getByRole("checkbox", { name: /^control/ }).isChecked()).toBe(true);
      expect(await page.getByRole("checkbox", { name: /^IFN-beta/ }).isChecked()).toBe(false);
      expect(await faults(page)).toEqual([]);

      // What it cannot be read by is told, and answered otherwise.
      const control = page.getByRole("checkbox", { name: /^control/ });
      const treated = page.getByRole("checkbox", { name: /^IFN-beta/ });
      await treated.focus();
      await page.keyboard.press("Space");
      await page.getByRole("button", { name: "Import it" }).focus();
      await page.keyboard.press("Enter");
      await page.getByText("It was not imported.").waitFor(PATIENCE);
      expect(await faults(page)).toEqual([]);
      await treated.focus();
      await page.keyboard.press("Space");
      expect([await control.isChecked(), await treated.isChecked()]).toEqual([true, false]);
      await choice("Import only the cells of").selectOption("cell_type");
      expect(await faults(page)).toEqual([]);
      for (const type of ["CD14+ Monocytes", "B cells", "CD4 T cells", "CD8 T cells"]) {
        await page.getByRole("checkbox", { name: type }).focus();
        await page.keyboard.press("Space");
      }
      await choice("Donors").selectOption({ label: "no column tells them" });
      await page.getByRole("button", { name: "Import it" }).focus();
      await page.keyboard.press("Enter");
      await page.getByText("kang.h5ad is now the atlas kang.").waitFor(PATIENCE);
      await page.getByRole("heading", { name: "kang", exact: true }).waitFor(PATIENCE);
      expect(await faults(page)).toEqual([]);

      const [index] = await server.daemon.atlases.list();
      const told = (of: "cell_type" | "donor") => new Set(index?.groups.map((group) => group[of]));
      expect([told("cell_type").size, told("donor").size]).toEqual([4, 1]);

      await page.goto(`${server.url}/#/`);
      await page.getByLabel("Question").fill("How would CD14+ monocytes respond to IFN-beta?");
      await page.keyboard.press("Control+Enter");
      await page.locator("article.run").waitFor(PATIENCE);
      await page.locator("article[data-status=completed]").waitFor(PATIENCE);
      // The browser tells of the request that nobody had signed for, and of the refused file.
      expect(complaints.filter((line) => !/40[01]/.test(line))).toEqual([]);
    });
  });

  test("is for administrators alone, and a file that is stopped leaves nothing", async () => {
    const server = await startTestServer({ env: { AUTH: "token" } });
    const { page } = await openPage(`${server.url}/#/atlas`);
    await page.getByLabel("Token").fill(await server.token("ada@example.org"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("There is no atlas yet.").waitFor();
    expect(await page.getByText("Add an atlas").count()).toBe(0);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").fill(await server.token(ROOT, "admin"));
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Add an atlas").waitFor();
    const file = join(await temporaryFolder(), "large.h5ad");
    const head = Buffer.from("\x89HDF\r\n\x1a\n", "latin1");
    await writeFile(file, Buffer.concat([head, Buffer.alloc(3_000_000)]));
    // Its pieces never arrive.
    await page.route("**/content?*", () => undefined);
    await page.getByLabel("AnnData file (.h5ad)").setInputFiles(file);
    await page.getByRole("button", { name: "Upload", exact: true }).click();
    await page.getByText("large.h5ad: 0 of 4 MB").waitFor();
    expect(server.parts.uploads.list()).toHaveLength(1);
    expect(await faults(page)).toEqual([]);
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Upload", exact: true }).waitFor();
    await expect.poll(() => server.parts.uploads.list()).toEqual([]);
  });
});
