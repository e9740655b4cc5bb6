import { expect, test } from "vitest";
import { describeConfig, loadConfig, redactor } from "../../config.ts";

const CLOUD = { BATCH_PROJECT: "p", BATCH_IMAGE: "worker:1", GCS_BUCKET: "b" };

test.each<[string, Record<string, string>, readonly string[]]>([
  ["Batch without image and bucket", { BATCH_PROJECT: "p" }, ["BATCH_IMAGE", "GCS_BUCKET"]],
  ["a bucket without Batch", { GCS_BUCKET: "b" }, ["BATCH_PROJECT"]],
  ["dispatch without anything that it needs", { DISPATCH: "batch" }, ["BATCH_PROJECT", "DISPATCH_IMAGE", "MONGODB_URI"]],
  ["Identity-Aware Proxy without an audience", { AUTH: "iap" }, ["IAP_AUDIENCE"]],
  ["open to other machines without sign-in", { HTTP_HOST: "0.0.0.0" }, ["AUTH"]],
  ["SendGrid without a sender", { SENDGRID_API_KEY: "SG.x" }, ["MAIL_FROM"]],
  ["a port that is none, and open to other machines", { HTTP_PORT: "http", HTTP_HOST: "0.0.0.0" }, ["HTTP_PORT", "AUTH"]],
  ["a list of locations with a bare zone", { ...CLOUD, BATCH_ALLOWED_LOCATIONS: "zones/us-central1-a,us-central1-b" }, ["BATCH_ALLOWED_LOCATIONS"]],
  ["lists with parts that are no pairs", { ...CLOUD, BATCH_ENVIRONMENT: "A=1,B", BATCH_LABELS: "team", DISPATCH_SECRETS: "MONGODB_URI=" }, ["BATCH_ENVIRONMENT", "BATCH_LABELS", "DISPATCH_SECRETS"]],
  ["several at once", { ...CLOUD, DISPATCH: "batch", HTTP_PORT: "http", AUTH: "iap" }, ["HTTP_PORT", "IAP_AUDIENCE", "DISPATCH_IMAGE", "MONGODB_URI"]],
])("%s: refused, with every variable to correct", (_, environment, names) => {
  expect(() => loadConfig(environment)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(new RegExp(names.join("[^]*"))) }));
});

test("what is whole is accepted", () => {
  expect(loadConfig({})).toMatchObject({ AUTH: "none", HTTP_HOST: "127.0.0.1" });
  expect(loadConfig({ ...CLOUD, DISPATCH: "batch", DISPATCH_IMAGE: "haystack:1", MONGODB_URI: "mongodb://127.0.0.1" })).toMatchObject(CLOUD);
});

test("passwords in addresses and secrets that are handed on are shown nowhere", () => {
  const config = loadConfig({
    ...CLOUD,
    OPENAI_BASE_URL: "https://ada:hunter2secret@models.example.org/v1",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://justatoken@collector.example.org:4318",
    MONGODB_URI: "mongodb://ada:p%40ssw0rd1@db.example.org",
    BATCH_ENVIRONMENT: "STACK_CHECKPOINT=/models/stack.ckpt, HF_TOKEN=hf_abcdefgh,API_KEY=short",
  });
  const secrets = /hunter2secret|justatoken|p%40ssw0rd1|p@ssw0rd1|hf_abcdefgh/;
  const shown = Object.fromEntries(describeConfig(config).map(({ name, value }) => [name, value]));
  expect(JSON.stringify(shown)).not.toMatch(secrets);
  expect(shown).toMatchObject({ OPENAI_BASE_URL: "https://(hidden)@models.example.org/v1", MONGODB_URI: "(hidden)", BATCH_ENVIRONMENT: "STACK_CHECKPOINT=/models/stack.ckpt, HF_TOKEN=(hidden),API_KEY=(hidden)" });
  const line = JSON.stringify({ url: "https://ada:hunter2secret@models.example.org/v1", why: "no p@ssw0rd1 for justatoken", mail: "bo@example.org", env: "hf_abcdefgh", link: "https://x", user: "a@b" });
  const redacted = redactor(config)(line);
  expect(redacted).not.toMatch(secrets);
  expect(JSON.parse(redacted)).toMatchObject({ mail: "bo@example.org", link: "https://x", user: "a@b" });
});

test("the name of a database's user is an ordinary word", () => {
  const redact = redactor(loadConfig({ MONGODB_URI: "mongodb://haystack@db.example.org" }));
  expect(redact("haystack answers; mongodb://haystack@db.example.org does not")).toBe("haystack answers; mongodb://(hidden)@db.example.org does not");
});
