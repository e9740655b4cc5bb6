import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { serveLoopback } from "../support/loopback-server.ts";

const BY = "http://creativecommons.org/licenses/by/4.0/";
const obo = (version: string, licence: string, name: string): string =>
  [
    "format-version: 1.2",
    `data-version: ${version}`,
    `property_value: http://purl.org/dc/terms/license ${licence}`,
    "",
    "[Term]",
    "id: CL:0999997",
    `name: ${name}`,
    "",
  ].join("\n");

async function place(first: string) {
  const served = { text: first, status: 200 };
  const address = await serveLoopback((_request, response) => {
    response.writeHead(served.status).end(served.text);
  });
  const dataDir = await temporaryFolder();
  const run = (...args: string[]) => haystack(["knowledge", ...args, "--data-dir", dataDir]);
  const imports = async () =>
    (JSON.parse((await run("list", "--json")).stdout) as { imports: object[] }).imports;
  return { served, url: `${address}/cl.obo`, run, imports };
}

test("an import from an address is fetched again, with version, licence and digest", async () => {
  const first = obo("2026-01-01", BY, "first neuron");
  const { served, url, run, imports } = await place(first);
  const wrong = await run("import", url, "--sha256", "0".repeat(64));
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("not the one given")]);
  expect(await imports()).toEqual([]);

  const sha256 = createHash("sha256").update(first).digest("hex");
  expect((await run("import", url, "--sha256", sha256)).code).toBe(0);
  const own = { name: "cl", url, version: "2026-01-01", licence: BY, source_sha256: sha256 };
  expect(await imports()).toMatchObject([own]);
  const same = await run("update", "--json");
  expect(JSON.parse(same.stdout)).toMatchObject({ updated: [{ name: "cl", changed: false }] });

  served.text = obo("2026-02-02", BY, "second neuron");
  const fresh = await run("update", "cl", "--json");
  expect(JSON.parse(fresh.stdout)).toEqual({
    updated: [{ name: "cl", changed: true, version: "2026-02-02", licence: BY }],
  });
});

test("what cannot be read, had or accepted leaves what was there", async () => {
  const { served, url, run, imports } = await place(obo("2026-01-01", BY, "first neuron"));
  await run("import", url);
  const before = await imports();
  const refused = async (code: number, words: string): Promise<void> => {
    const outcome = await run("update");
    expect([outcome.code, outcome.stderr]).toEqual([code, expect.stringContaining(words)]);
    expect(outcome.stderr.trim().split("\n")).toHaveLength(1);
    expect(await imports()).toEqual(before);
  };
  served.text = "<html>moved</html>";
  await refused(2, "is not an OBO file");
  served.status = 503;
  await refused(1, "HTTP status 503");
  served.status = 200;
  served.text = obo("2026-03-03", "https://example.org/non-commercial", "third neuron");
  await refused(2, "under another licence now");
  expect((await run("update", "--accept-licence")).code).toBe(0);
  expect(await imports()).toMatchObject([{ licence: "https://example.org/non-commercial" }]);
  const unknown = await run("update", "nothing");
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('"nothing"')]);
});
