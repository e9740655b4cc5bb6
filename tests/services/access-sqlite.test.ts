import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openSqliteAccess } from "../../services/access/sqlite.ts";
import { accessContract } from "./access.contract.ts";
import { temporaryFolder } from "./temporary-folder.ts";

accessContract("SQLite", async () => {
  const file = join(await temporaryFolder(), "access.sqlite");
  return () => openSqliteAccess({ file });
});

test("only the user of the daemon reads the file", async () => {
  const file = join(await temporaryFolder(), "access.sqlite");
  const store = await openSqliteAccess({ file });
  expect((await stat(file)).mode & 0o077).toBe(0);
  await store.close();
});

test("a file that is no database refuses to open", async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "sub"));
  await writeFile(
    join(folder, "access.sqlite"),
    "this is text, and long enough to be read as a header of a database\n".repeat(20),
  );
  await expect(openSqliteAccess({ file: join(folder, "access.sqlite") })).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
  await expect(openSqliteAccess({ file: join(folder, "sub") })).rejects.toMatchObject({
    code: "STORE_UNAVAILABLE",
  });
});
