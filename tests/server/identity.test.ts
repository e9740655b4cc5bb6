import { describe, expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../config.ts";
import { networkOf } from "../../server/limits.ts";
import { startIdentityProvider } from "../support/identity-provider.ts";
import { refusal } from "../support/refusals.ts";
import { startTestServer } from "../support/server.ts";

const RUNS = "/api/v1/runs";

describe("who asks", () => {
  test("without sign-in the daemon serves this machine only", () => {
    for (const HTTP_HOST of ["0.0.0.0", "::", "10.0.0.1", "example.org"]) {
      expect(() => loadConfig({ HTTP_HOST })).toThrow(
        /without sign-in the daemon listens on this machine only/,
      );
      expect(loadConfig({ HTTP_HOST, AUTH: "token" }).AUTH).toBe("token");
    }
    for (const HTTP_HOST of ["127.0.0.1", "127.8.8.8", "localhost", "::1"])
      expect(loadConfig({ HTTP_HOST }).AUTH).toBe("none");
    expect(() => loadConfig({ AUTH: "iap" })).toThrow(/IAP_AUDIENCE/);
  });

  test("a revoked token ends at once, an expired one by itself", async () => {
    const server = await startTestServer({ env: { AUTH: "token" } });
    const secret = await server.token("User@Example.org");
    const status = async (): Promise<number> =>
      (await fetch(`${server.url}${RUNS}`, { headers: { authorization: `Bearer ${secret}` } }))
        .status;
    expect(await status()).toBe(200);
    const [issued] = await server.parts.access.listTokens();
    expect(issued).toStrictEqual({
      id: expect.any(String) as string,
      owner: "user@example.org",
      role: "user",
      created_at: expect.any(Number) as number,
      expires_at: (issued?.created_at ?? 0) + 86_400_000,
      revoked_at: null,
    });
    await server.parts.access.revokeToken(issued?.id ?? "", Date.now());
    expect(await status()).toBe(401);
  });

  test("a refusal names the scheme, and tells nothing of why", async () => {
    const server = await startTestServer({ env: { AUTH: "token" } });
    const ask = async (token: string) =>
      fetch(`${server.url}${RUNS}`, { headers: { authorization: `Bearer ${token}` } });
    const unknown = await ask(`hs_${"A".repeat(43)}`);
    const expired = await ask(await server.token("user@example.org", "user", -1));
    expect(unknown.headers.get("www-authenticate")).toBe("Bearer");
    expect(await unknown.text()).toBe(await expired.text());
  });

  test("when the proxy's keys cannot be fetched nobody is let in, and it is said that this may pass", async () => {
    const provider = await startIdentityProvider();
    const assertion = await provider.assertion();
    await provider.close();
    const server = await startTestServer({ env: { ...provider.env } });
    const response = await fetch(`${server.url}${RUNS}`, {
      headers: { "x-goog-iap-jwt-assertion": assertion },
    });
    expect({ status: response.status, body: await response.json() }).toEqual(
      refusal(503, "IDENTITY_UNAVAILABLE"),
    );
  });

  test("administrators are those of the list, whatever their spelling", async () => {
    const provider = await startIdentityProvider();
    onTestFinished(() => provider.close());
    const server = await startTestServer({
      env: { ...provider.env, ADMINS: "Boss@example.org,second@example.org" },
    });
    const statusOf = async (email: string): Promise<number> => {
      const route = server.app.guardedRoutes.find(
        ({ access, method, url }) => access === "admin" && method === "GET" && !url.includes(":"),
      );
      const response = await fetch(`${server.url}${route?.url ?? ""}`, {
        headers: { "x-goog-iap-jwt-assertion": await provider.assertion({ email }) },
      });
      await response.body?.cancel();
      return response.status;
    };
    expect([
      await statusOf("bOSS@example.org"),
      await statusOf("second@example.org"),
      await statusOf("boss@example.com"),
    ]).not.toContain(401);
    expect([await statusOf("bOSS@example.org"), await statusOf("boss@example.com")]).toEqual([
      expect.not.toBeOneOf([403]),
      403,
    ]);
  });
});

describe("limits", () => {
  test("too many failures from one address are cut short; who has a valid token goes on", async () => {
    const server = await startTestServer({ env: { AUTH: "token", HTTP_FAILURES_PER_MINUTE: "3" } });
    const secret = await server.token("user@example.org");
    const ask = (token?: string) =>
      fetch(
        `${server.url}${RUNS}`,
        token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
      );
    const statuses: number[] = [];
    for (let index = 0; index < 5; index++) statuses.push((await ask()).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await ask(secret)).status).toBe(200);
  });

  test("each user has a limit of their own", async () => {
    const server = await startTestServer({ env: { AUTH: "token", HTTP_REQUESTS_PER_MINUTE: "3" } });
    const [one, two] = [
      await server.token("one@example.org"),
      await server.token("two@example.org"),
    ];
    const ask = (token: string) =>
      fetch(`${server.url}${RUNS}`, { headers: { authorization: `Bearer ${token}` } });
    for (let index = 0; index < 3; index++) expect((await ask(one)).status).toBe(200);
    const refused = await ask(one);
    const seconds = Number(refused.headers.get("retry-after"));
    expect(seconds).toBeGreaterThan(0);
    expect({ status: refused.status, body: await refused.json() }).toEqual(
      refusal(429, "RATE_LIMITED", {
        details: { retry_after_seconds: expect.any(Number) as number },
      }),
    );
    expect((await ask(two)).status).toBe(200);
  });

  test("X-Forwarded-For is believed from named proxies only", async () => {
    for (const [proxies, statuses] of [
      ["", [404, 404, 429]],
      ["127.0.0.1", [404, 404, 404]],
    ] as const) {
      const server = await startTestServer({
        env: { AUTH: "token", HTTP_REQUESTS_PER_MINUTE: "2", HTTP_TRUST_PROXY: proxies },
      });
      const answered: number[] = [];
      for (const client of ["192.0.2.1", "192.0.2.2", "192.0.2.3"])
        answered.push(
          (await fetch(`${server.url}/nothing`, { headers: { "x-forwarded-for": client } })).status,
        );
      expect(answered).toEqual(statuses);
    }
  });

  test("one client has a whole IPv6 network, and an IPv4 address in either spelling", () => {
    expect(networkOf("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2");
    expect(networkOf("2001:db8:1:2::9")).toBe("2001:db8:1:2");
    expect(networkOf("2001:db8::9")).toBe("2001:db8:0:0");
    expect(networkOf("::1")).toBe("0:0:0:0");
    expect(networkOf("::ffff:192.0.2.1")).toBe(networkOf("192.0.2.1"));
  });
});
