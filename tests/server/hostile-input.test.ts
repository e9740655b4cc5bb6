import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ADA, QUESTION, startApi, type ApiServer, type Caller } from "./api-harness.ts";
import { quickest } from "../support/quickest.ts";

const LONGEST = 4_000;
const filled = (part: string): string => part.repeat(LONGEST).slice(0, LONGEST);

/** What makes careless patterns search for ever: long runs that almost match, of everything that questions are read by. */
const BOMBS = ["a", " ", "\t \n", "-", "CD14+", "IFN-", "(", "((((a", "1.", "10 ng/ml ", "anti-", "β", "ａ", "\u0301", "and ", "how would ", "T cell ", "\\", "%", "__", "\u200b"].map(filled);
const PLAIN = `${QUESTION} `.padEnd(LONGEST, "The cells came from a healthy donor and were kept for a day. ");

describe("hostile input", () => {
  let server: ApiServer;
  let ada: Caller;
  beforeAll(async () => {
    server = await startApi({ HTTP_REQUESTS_PER_MINUTE: "100000" }, { withAtlas: true });
    ada = await server.caller(ADA);
  });
  afterAll(() => server.close());

  const milliseconds = async (query: string): Promise<number> => {
    const started = performance.now();
    const response = await ada.post("/questions/check", { query });
    await response.arrayBuffer();
    expect(response.status).toBeLessThan(500);
    return performance.now() - started;
  };

  test("no question of full length takes far longer to read than an ordinary one of that length", async () => {
    await milliseconds(PLAIN);
    const ordinary = Math.max(await milliseconds(PLAIN), await milliseconds(PLAIN));
    const longest = Math.max(20 * ordinary, 2_000);
    for (const bomb of BOMBS) expect(await quickest(longest, () => milliseconds(bomb))).toBeLessThan(longest);
  });

  test("what is searched for is text, never a pattern", async () => {
    for (const text of [...BOMBS.map((bomb) => bomb.slice(0, 100)), ".*", "(a+)+$", "' OR 1=1 --", "$where", '{"$gt":""}', "%25", "_"]) {
      const sought = encodeURIComponent(text);
      for (const path of [`/runs?text=${sought}`, `/atlas/cell-types?search=${sought}`, `/atlas/perturbations?search=${sought}`]) {
        const response = await ada.get(path);
        expect([path, response.status]).toEqual([path, expect.toSatisfy((status: number) => status === 200 || status === 400)]);
        await response.arrayBuffer();
      }
    }
    await ada.submit();
    expect(await (await ada.get("/runs?text=.*")).json()).toMatchObject({ runs: [] });
  });

  test("nothing that a user says is an address that the server asks", async () => {
    const address = "http://192.0.2.1/latest/meta-data/";
    await milliseconds(`${QUESTION} See ${address} and file:///etc/passwd and \\\\192.0.2.1\\share.`);
    const refused: readonly Record<string, unknown>[] = [
      { config: { datasets: [address] } },
      { config: { datasets: ["../../etc/passwd"] } },
      { config: { callback_url: address } },
      { webhook: address },
      { config: { withhold: { cell_type: address, perturbation: address, source: address } } },
    ];
    for (const extra of refused) expect((await ada.post("/runs", { query: QUESTION, ...extra })).status).toSatisfy((status: number) => status === 400 || status === 404);
    const run = await ada.submit({ query: `${QUESTION} Data at ${address}` });
    expect((await ada.post(`/runs/${run.run_id}/cancel`)).status).toBe(202);
  });
});
