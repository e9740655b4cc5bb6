import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { sharedPace } from "../../services/http/shared-pace.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const AT = 1_800_000_000_000;

test("turns come one after the other, those of another name beside them", async () => {
  const file = join(await temporaryFolder(), "cache", "rates.sqlite");
  let now = AT;
  const paceOf = (name: string) => sharedPace({ file, name, perSecond: 4, now: () => now });
  const [one, same, other] = [paceOf("a"), paceOf("a"), paceOf("b")];
  expect([one.next(), same.next(), one.next(), other.next()]).toEqual([0, 250, 500, 0]);
  now += 600;
  expect([same.next(), one.next()]).toEqual([150, 400]);
  now += 10_000;
  expect([one.next(), same.next()]).toEqual([0, 250]);
});

test("a clock that was set back makes nobody wait for hours", async () => {
  const file = join(await temporaryFolder(), "rates.sqlite");
  let now = AT;
  const pace = sharedPace({ file, name: "a", perSecond: 4, now: () => now });
  pace.next();
  now -= 3_600_000;
  expect([pace.next(), pace.next()]).toEqual([0, 250]);
});

test("processes that take turns at the same moment each get their own", async () => {
  const file = join(await temporaryFolder(), "rates.sqlite");
  const script = `
    import { sharedPace } from "./services/http/shared-pace.ts";
    const pace = sharedPace({ file: ${JSON.stringify(file)}, name: "a", perSecond: 1_000, now: () => ${AT} });
    console.log(JSON.stringify(Array.from({ length: 40 }, () => pace.next())));`;
  const taken = await Promise.all(
    [1, 2, 3].map(async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        "--input-type=module",
        "--eval",
        script,
      ]);
      return JSON.parse(stdout) as number[];
    }),
  );
  expect(taken.flat().toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 120 }, (_, at) => at),
  );
});

test("a file that is damaged is begun anew", async () => {
  const file = join(await temporaryFolder(), "rates.sqlite");
  await writeFile(file, "no database at all".repeat(100));
  const pace = sharedPace({ file, name: "a", perSecond: 4, now: () => AT });
  expect([pace.next(), pace.next()]).toEqual([0, 250]);
});

test("a file that cannot be used is an error, not a free turn", async () => {
  const folder = await temporaryFolder();
  const file = join(folder, "rates.sqlite");
  await mkdir(file);
  expect(() => sharedPace({ file, name: "a", perSecond: 3, now: () => AT }).next()).toThrow(
    /unable to open/,
  );
});
