import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { fuzzRecords } from "../support/record-fuzzer.ts";

/** Thousands on demand: `npm run fuzz:records`. */
const seedsFrom = (from: number): number[] =>
  Array.from({ length: 20 }, (_, index) => from + index);

function damagedRecords(uri: () => string | undefined): void {
  test("damaged records end or are set aside, healthy runs finish, and no page answers 5xx", async () => {
    const { records, ended, failures } = await fuzzRecords(seedsFrom(1), uri());
    expect(failures).toEqual([]);
    expect(records).toBe(20);
    expect(ended["RECORD_UNREADABLE"]).toBeGreaterThan(3);
  });
}

describe("on SQLite", () => {
  damagedRecords(() => undefined);

  test.each([
    [
      "a run that cannot be hosted is not set aside",
      { setAside: async () => false },
      /is left|counted and left/,
    ],
    [
      "a list throws where a record cannot be read",
      {
        list: async () => {
          throw new TypeError("planted");
        },
      },
      /planted|answers 500/,
    ],
  ])("it is seen when %s", async (_, planted, problem) => {
    const found = await fuzzRecords(seedsFrom(21), undefined, { planted, patienceMs: 3_000 }).then(
      ({ failures }) => JSON.stringify(failures),
      String,
    );
    expect(found).toMatch(problem);
  });
});

describeWithMongodb("on MongoDB", () => {
  let server: MongodbServer;
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(() => server.stop());

  damagedRecords(() => server.uri);
});
