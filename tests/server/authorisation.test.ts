import Fastify from "fastify";
import { describe, expect, onTestFinished, test } from "vitest";
import { createServer } from "../../server/app.ts";
import type { GuardedRoute } from "../../server/access/guard.ts";
import type { RouteModule } from "../../server/parts.ts";
import { newRun } from "../../services/runs/document.ts";
import { startIdentityProvider } from "../support/identity-provider.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { breaches, type Callers, type RunOfUser } from "./authorisation-matrix.ts";

const USER = "user@example.org";
const READER = "reader@example.org";
const MANY = { HTTP_FAILURES_PER_MINUTE: "100000", HTTP_REQUESTS_PER_MINUTE: "100000" };

/** A failed run at rest: every route has something to say about it. */
async function runOfUser({ daemon, parts }: TestServer): Promise<RunOfUser> {
  const document = newRun({
    run_id: "run-of-user-1",
    query: "How would B cells respond to IFN-beta?",
    user_email: USER,
    config: {},
    random_seed: 1,
    now: Date.now(),
  });
  const error = {
    code: "JOB_FAILED",
    message: "The job failed.",
    retryable: true,
    phase: "inference",
  } as const;
  await daemon.runs.insert({
    ...document,
    status: "failed",
    current_phase: "inference",
    termination_reason: "failed",
    error,
    error_message: error.message,
  });
  await parts.access.share({
    run_id: document.run_id,
    user: READER,
    shared_by: USER,
    shared_at: Date.now(),
  });
  return { run_id: document.run_id, unknown_run_id: "run-of-user-2" };
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function tokenCallers(server: TestServer): Promise<Callers> {
  const revoked = await server.token("admin@example.org", "admin");
  const ended = (await server.parts.access.listTokens())[0];
  await server.parts.access.revokeToken(ended?.id ?? "", Date.now());
  return {
    strangers: {
      nobody: {},
      "one with an expired token": bearer(await server.token("admin@example.org", "admin", -1)),
      "one with a revoked token": bearer(revoked),
      "one with an unknown token": bearer(`hs_${"A".repeat(43)}`),
      "one with a token that is none": bearer("[object Object]"),
      "one with basic authentication": { authorization: `Basic ${btoa("admin:admin")}` },
      "one who claims to come from the proxy": {
        "x-goog-authenticated-user-email": "accounts.google.com:admin@example.org",
      },
    },
    user: bearer(await server.token(USER)),
    otherUser: bearer(await server.token("other@example.org")),
    reader: bearer(await server.token(READER)),
    admin: bearer(await server.token("admin@example.org", "admin")),
  };
}

const noRule: RouteModule = {
  prefix: "/api/v1",
  routes: () => async (app) => void app.get("/forgotten", () => "secret"),
};
const misspeltRule: RouteModule = {
  prefix: "/admin",
  routes: () => async (app) => void app.get("/late", { config: {} }, () => "secret"),
};

describe("authorisation", () => {
  test("AUTH=token: every route, every caller", async () => {
    const server = await startTestServer({ env: { AUTH: "token", ...MANY } });
    const routes = server.app.guardedRoutes;
    expect(new Set(routes.map(({ access }) => access)).size).toBe(3);
    expect(
      await breaches(server.url, routes, await tokenCallers(server), await runOfUser(server)),
    ).toEqual([]);
  });

  test("AUTH=iap: every route, every caller", async () => {
    const provider = await startIdentityProvider();
    onTestFinished(() => provider.close());
    const server = await startTestServer({
      env: { ...provider.env, ADMINS: "boss@example.org, Admin@Example.org", ...MANY },
    });
    const assertion = async (claims: Parameters<typeof provider.assertion>[0]) => ({
      "x-goog-iap-jwt-assertion": await provider.assertion(claims),
    });
    const email = "admin@example.org";
    const callers: Callers = {
      strangers: {
        nobody: {},
        "one with the bare e-mail header": {
          "x-goog-authenticated-user-email": `accounts.google.com:${email}`,
          "x-goog-authenticated-user-id": "1",
        },
        "one with a forged assertion": await assertion({ email, forged: true }),
        "one with an assertion for another audience": await assertion({
          email,
          audience: "/projects/1/global/backendServices/3",
        }),
        "one with an assertion of another issuer": await assertion({
          email,
          issuer: "https://accounts.google.com",
        }),
        "one with an expired assertion": await assertion({ email, expiresIn: -120 }),
        "one with an assertion without an address": await assertion({ email: "" }),
        "one with an assertion of the future": await assertion({ email, issuedIn: 500 }),
        "one with an assertion for an hour": await assertion({ email, expiresIn: 3_600 }),
        "one with an assertion of long ago": await assertion({ email, issuedIn: -3_600 }),
        "one with an address of two lines": await assertion({ email: `${email}\r\nx` }),
        "one with an address that shows as another": await assertion({ email: `\u202e${email}` }),
        "one with two addresses": await assertion({ email: `a@b.example,${email}` }),
        "one with text for an assertion": { "x-goog-iap-jwt-assertion": "a.b.c" },
        "one with an unsigned assertion": {
          "x-goog-iap-jwt-assertion": `${btoa('{"alg":"none"}')}.${btoa(`{"email":"${email}","exp":9999999999}`)}.`,
        },
        "one with a bearer token": bearer(await server.token(email, "admin")),
      },
      user: await assertion({ email: "User@Example.org" }),
      otherUser: await assertion({ email: "other@example.org" }),
      reader: await assertion({ email: "Reader@example.org" }),
      admin: await assertion({ email }),
    };
    expect(
      await breaches(server.url, server.app.guardedRoutes, callers, await runOfUser(server)),
    ).toEqual([]);
    expect(provider.fetched()).toBe(1);
  });

  test("a route without a rule is refused before anything listens", async () => {
    const { parts } = await startTestServer();
    await expect(createServer(parts, [noRule])).rejects.toThrow(
      "/api/v1/forgotten does not say who may ask",
    );
    await expect(createServer(parts, [misspeltRule])).rejects.toThrow(
      "/admin/late does not say who may ask",
    );
  });

  test("the matrix sees a server that lets anybody in, and one that lets nobody in", async () => {
    const server = await startTestServer({ env: { AUTH: "token", ...MANY } });
    const routes: GuardedRoute[] = [
      { method: "GET", url: "/runs/:id", access: "user" },
      { method: "POST", url: "/drain", access: "admin" },
      { method: "GET", url: "/livez", access: "public" },
    ];
    const callers = await tokenCallers(server);
    const run = await runOfUser(server);
    for (const [status, least] of [
      [200, 15],
      [401, 8],
    ] as const) {
      const fake = Fastify();
      onTestFinished(() => fake.close());
      for (const { method, url } of routes)
        fake.route({
          method,
          url,
          handler: (_, reply) => reply.code(status).send({ error: "UNAUTHENTICATED" }),
        });
      expect(
        (await breaches(await fake.listen({ host: "127.0.0.1", port: 0 }), routes, callers, run))
          .length,
      ).toBeGreaterThan(least);
    }
  });
});
