import { expect, onTestFinished, test } from "vitest";
import { haystack } from "../support/command-line.ts";
import { doctor } from "../support/doctor.ts";
import { freePort } from "../support/free-port.ts";
import { startGeneDatabases } from "../support/gene-databases-server.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startIdentityProvider } from "../support/identity-provider.ts";
import { EMBEDDING, startModelServer } from "../support/model-server.ts";
import { startCollector } from "../support/otlp-server.ts";
import { startPubmed } from "../support/pubmed-server.ts";
import { SENDGRID_KEY, startSendgrid } from "../support/sendgrid-server.ts";

/** Every service that is not Google Cloud's. */
async function startServices() {
  const [sendgrid, model, pubmed, genes, identity, collector] = await Promise.all([
    startSendgrid(),
    startModelServer(),
    startPubmed([]),
    startGeneDatabases(),
    startIdentityProvider(),
    startCollector(),
  ]);
  onTestFinished(async () => {
    await Promise.all([pubmed.close(), genes.close(), identity.close()]);
  });
  const env: Readonly<Record<string, string>> = {
    MAIL_FROM: "haystack@example.org",
    SENDGRID_API_KEY: SENDGRID_KEY,
    SENDGRID_BASE_URL: sendgrid.baseUrl,
    OPENAI_API_KEY: "sk-very-secret",
    OPENAI_BASE_URL: model.baseURL,
    OPENAI_MODEL: "scripted",
    OPENAI_EMBEDDING_MODEL: EMBEDDING.model,
    LITERATURE: "pubmed",
    NCBI_BASE_URL: pubmed.baseUrl,
    LOOKUPS: "uniprot,reactome,kegg",
    UNIPROT_BASE_URL: `${genes.baseUrl}/uniprot`,
    REACTOME_BASE_URL: `${genes.baseUrl}/reactome`,
    KEGG_BASE_URL: `${genes.baseUrl}/kegg`,
    ...identity.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
    INFERENCE_COMMAND: "node predict.js {prompt} {query} {output}",
  };
  return { env, sendgrid, model, pubmed, genes, collector };
}

const PARTS = [
  "mail",
  "language model",
  "literature",
  "look-ups",
  "sign-in",
  "traces",
  "inference",
] as const;

test("every service that answers is well, by a request to it that costs nothing", async () => {
  const { env, sendgrid, model, pubmed, genes, collector } = await startServices();
  const { code, found, stdout } = await doctor(env);
  expect(PARTS.map((part) => [part, found[part]?.[0]])).toEqual(PARTS.map((part) => [part, "ok"]));
  expect(code).toBe(0);
  expect([sendgrid.requests.length, model.calls.length, model.embeddingCalls.length]).toEqual([
    0, 0, 0,
  ]);
  expect([pubmed.requests.length, genes.asked.length > 3, collector.requests.length]).toEqual([
    1,
    true,
    1,
  ]);
  expect(stdout).not.toMatch(/very-secret|SG\.test/);
});

test("a service at a dead address is never well", async () => {
  const dead = `http://127.0.0.1:${await freePort()}`;
  const { env } = await startServices();
  const { code, found } = await doctor({
    ...env,
    ...Object.fromEntries(
      Object.keys(env)
        .filter((name) => /_(URL|ENDPOINT)$/.test(name))
        .map((name) => [name, dead]),
    ),
    INFERENCE_COMMAND: "no-such-program {prompt} {query} {output}",
  });
  expect(code).toBe(1);
  expect(PARTS.map((part) => [part, found[part]?.[0]])).toEqual(
    PARTS.map((part) => [part, "problem"]),
  );
  expect(found["inference"]?.[1]).toMatch(/no-such-program/);
});

test("a key that may not send, models that are not known, a database without an answer, and a refusing collector are told", async () => {
  const { env, sendgrid, model, genes } = await startServices();
  sendgrid.scopes.delete("mail.send");
  model.models.delete(EMBEDDING.model);
  genes.down.add("kegg");
  const collector = await startCollector(403);
  const { code, found } = await doctor({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
  expect(code).toBe(1);
  expect(found["mail"]).toEqual(["problem", expect.stringContaining("mail.send")]);
  expect(found["language model"]).toEqual([
    "problem",
    expect.stringMatching(/scripted-embedding is not known.*OPENAI_EMBEDDING_MODEL/),
  ]);
  expect(found["look-ups"]).toEqual(["problem", expect.stringContaining("KEGG")]);
  expect(found["traces"]).toEqual(["problem", expect.stringContaining("403")]);
  expect((await doctor({ ...env, SENDGRID_API_KEY: "SG.other" })).found["mail"]).toEqual([
    "problem",
    expect.stringContaining("401"),
  ]);
});

const DAY_MS = 86_400_000;
const dayFromNow = (days: number): string =>
  new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

test.each([
  [
    "ends within 60 days",
    "scripted",
    12,
    "advice",
    /scripted is shut down on .*in 12 days.*OPENAI_MODEL/,
  ],
  ["of embeddings that ends", EMBEDDING.model, 60, "advice", /in 60 days.*OPENAI_EMBEDDING_MODEL/],
  ["that ended", "scripted", 0, "problem", /scripted was shut down on .*OPENAI_MODEL/],
  ["of embeddings that ended", EMBEDDING.model, -3, "problem", /was shut down.*OPENAI_EMBEDDING/],
  ["that lasts", "scripted", 62, "ok", /scripted at/],
] as const)(
  "a model %s is told by its server's shutdown_date",
  async (_, name, days, state, finding) => {
    const model = await startModelServer();
    model.shutdowns.set(name, dayFromNow(days)).set("other", dayFromNow(-1));
    const { found, code } = await doctor({
      OPENAI_API_KEY: "sk-very-secret",
      OPENAI_BASE_URL: model.baseURL,
      OPENAI_MODEL: "scripted",
      OPENAI_EMBEDDING_MODEL: EMBEDDING.model,
    });
    expect(found["language model"]).toEqual([state, expect.stringMatching(finding)]);
    expect(code).toBe(state === "problem" ? 1 : 0);
  },
);

test.each([
  ["a list of models alone", "list", "ok", /scripted at/],
  ["nothing about models", "none", "problem", /tells of no models/],
] as const)("a server that tells %s", async (_, listing, state, finding) => {
  const model = await startModelServer();
  model.listing = listing;
  model.shutdowns.set("scripted", "soon");
  const { found } = await doctor({
    OPENAI_API_KEY: "sk-very-secret",
    OPENAI_BASE_URL: model.baseURL,
    OPENAI_MODEL: "scripted",
    OPENAI_EMBEDDING_MODEL: "off",
  });
  expect(found["language model"]).toEqual([state, expect.stringMatching(finding)]);
});

test("a job is tried on Google Batch only: elsewhere the option is refused in one sentence", async () => {
  const { code, stderr } = await haystack(
    ["doctor", "--job", "--data-dir", await temporaryFolder()],
    {
      env: {},
    },
  );
  expect([code, stderr]).toEqual([2, expect.stringMatching(/--job tries a job on Google Batch/)]);
});
