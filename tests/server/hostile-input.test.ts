import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { RunDocument } from "../../services/runs/document.ts";
import { ADA, QUESTION, startApi, type ApiServer, type Caller } from "./api-harness.ts";
import { quickest } from "../support/quickest.ts";

const LONGEST = 4_000;
const filled = (part: string): string => part.repeat(LONGEST).slice(0, LONGEST);

/**
 * What makes careless patterns search for ever: long runs that almost match, of everything that
 * questions are read by.
 */
const BOMBS = [
  "a",
  " ",
  "\t \n",
  "-",
  "CD14+",
  "IFN-",
  "(",
  "((((a",
  "1.",
  "10 ng/ml ",
  "anti-",
  "β",
  "ａ",
  "\u0301",
  "and ",
  "how would ",
  "T cell ",
  "\\",
  "%",
  "__",
  "\u200b",
].map(filled);
const PLAIN = `${QUESTION} `.padEnd(
  LONGEST,
  "The cells came from a healthy donor and were kept for a day. ",
);

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
    for (const bomb of BOMBS)
      expect(await quickest(longest, () => milliseconds(bomb))).toBeLessThan(longest);
  });

  test("what is searched for is text, never a pattern", async () => {
    for (const text of [
      ...BOMBS.map((bomb) => bomb.slice(0, 100)),
      ".*",
      "(a+)+$",
      "' OR 1=1 --",
      "$where",
      '{"$gt":""}',
      "%25",
      "_",
    ]) {
      const sought = encodeURIComponent(text);
      for (const path of [
        `/runs?text=${sought}`,
        `/atlas/cell-types?search=${sought}`,
        `/atlas/perturbations?search=${sought}`,
      ]) {
        const response = await ada.get(path);
        expect([path, response.status]).toEqual([
          path,
          expect.toSatisfy((status: number) => status === 200 || status === 400),
        ]);
        await response.arrayBuffer();
      }
    }
    await ada.submit();
    expect(await (await ada.get("/runs?text=.*")).json()).toMatchObject({ runs: [] });
  });

  test("what every object has as a property is a name like others", async () => {
    const names = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty"];
    for (const name of names) {
      const asked = await Promise.all([
        ...[
          `How would ${name} cells respond to ${name}?`,
          `How would CD14+ monocytes respond to ${name}?`,
          `How would ${name} respond to ${name} KO?`,
        ].map((query) => ada.post("/questions/check", { query })),
        ada.post("/runs", { query: QUESTION, config: { datasets: [name] } }),
        ...["", "/result", "/events", `/files/${name}`].map((part) =>
          ada.get(`/runs/${name}${part}`),
        ),
        ...["datasets", "cell-types", "perturbations"].flatMap((part) =>
          [`search=${name}`, `dataset=${name}`, `${name}=1`, `${name}[admin]=1`].map((query) =>
            ada.get(`/atlas/${part}?${query}`),
          ),
        ),
      ]);
      expect([name, asked.map(({ status }) => status)]).toEqual([
        name,
        [200, 200, 200, 404, 404, 404, 404, 404, ...Array.from({ length: 12 }, () => 200)],
      ]);
      const submitted = await ada.post(
        "/runs",
        { query: `${QUESTION} ${name}` },
        { "idempotency-key": name },
      );
      expect(submitted.status).toBe(201);
      const { run_id } = (await submitted.json()) as RunDocument;
      expect((await ada.post(`/runs/${run_id}/cancel`)).status).toBe(202);
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test("nothing that a user says is an address that the server asks, from the question to the result", async () => {
    let calls = 0;
    const canary = createServer((socket) => {
      calls += 1;
      socket.destroy();
    });
    await once(canary.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void canary.close());
    // The second is no machine's; that it is dialled fails the file.
    for (const host of [`127.0.0.1:${(canary.address() as AddressInfo).port}`, "192.0.2.1"]) {
      const address = `http://${host}/latest/meta-data/`;
      const query = `${QUESTION} Data at ${address}, ${address}atlas.h5ad, file:///etc/passwd and \\\\${host}\\share.`;
      const refused: readonly Record<string, unknown>[] = [
        { config: { datasets: [address] } },
        { config: { datasets: ["../../etc/passwd"] } },
        { config: { callback_url: address } },
        { webhook: address },
        { user_email: address },
        { config: { withhold: { cell_type: address, perturbation: address, source: address } } },
      ];
      for (const extra of refused)
        expect((await ada.post("/runs", { query: QUESTION, ...extra })).status).toBeOneOf([
          400, 404,
        ]);
      for (const sought of [
        "/runs?text=",
        "/runs?cursor=",
        "/atlas/datasets?dataset=",
        "/atlas/cell-types?search=",
        "/runs/",
      ])
        expect((await ada.get(`${sought}${encodeURIComponent(address)}`)).status).toBeOneOf([
          200, 400, 404,
        ]);
      const headers = Object.fromEntries(
        [
          "x-forwarded-host",
          "x-forwarded-for",
          "forwarded",
          "referer",
          "via",
          "x-original-url",
          "x-goog-iap-jwt-assertion",
          "traceparent",
          "idempotency-key",
        ].map((name) => [name, address]),
      );
      const submitted = await ada.post(
        "/runs",
        {
          query,
          config: {
            max_iterations: 1,
            prompt_cells: 20,
            query_cells: 20,
            withhold: { cell_type: address, perturbation: address },
          },
        },
        headers,
      );
      expect(submitted.status).toBe(201);
      const { run_id } = (await submitted.json()) as RunDocument;
      const stream = await ada.events(run_id);
      await stream.ended;
      expect(stream.events.at(-1)).toMatchObject({ data: { status: "completed", query } });
      expect((await ada.get(`/runs/${run_id}/result`)).status).toBe(200);
    }
    expect(calls).toBe(0);
  });
});
