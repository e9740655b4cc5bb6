import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { createServer } from "../../server/app.ts";
import { HaystackError } from "../../errors.ts";
import { createLogger } from "../../insight/logging.ts";
import type { RouteModule, ServerParts } from "../../server/parts.ts";
import { startTestServer, type TestServer } from "../support/server.ts";
import { quickest } from "../support/quickest.ts";

const RUNS = "/api/v1/runs";
const JSON_TYPE = { "content-type": "application/json" };
const CUT_OFF_WITHIN_MS = 10_000;
const body = async (response: Response) =>
  [response.status, ((await response.json()) as { error: string }).error] as const;
const post = (server: TestServer, text: string, headers: Record<string, string> = JSON_TYPE) =>
  fetch(`${server.url}${RUNS}`, { method: "POST", body: text, headers });

/** Sends exactly these headers, which fetch would not; answers status and body. */
const raw = (
  url: string,
  headers: Record<string, string>,
  method = "GET",
): Promise<readonly [number | undefined, string]> =>
  new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve([response.statusCode, text]));
    });
    sent.on("error", reject).end();
  });

/**
 * Writes to the port and resolves with everything that came back when the server has closed the
 * connection.
 */
const bytes = (url: string, text: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
    socket.on("error", reject).on("close", () => resolve(answer));
  });

describe("bodies", () => {
  test("a body over the limit is refused, also one that does not say its length", async () => {
    const server = await startTestServer({ env: { HTTP_BODY_BYTES: "2048" } });
    expect(await body(await post(server, JSON.stringify({ query: "x".repeat(3_000) })))).toEqual([
      413,
      "REQUEST_TOO_LARGE",
    ]);
    const chunk = `800\r\n${"x".repeat(0x800)}\r\n`;
    expect(
      await bytes(
        server.url,
        `POST ${RUNS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`,
      ),
    ).toMatch(/^HTTP\/1.1 413 /);
  });

  test("a client that sends a byte and waits is cut off, in the headers or in the body", async () => {
    const server = await startTestServer({ env: { HTTP_REQUEST_SECONDS: "1" } });
    const cutOff = async (): Promise<number> => {
      const began = performance.now();
      const answers = await Promise.all([
        bytes(server.url, ""),
        bytes(server.url, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "),
        bytes(
          server.url,
          `POST ${RUNS} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{`,
        ),
      ]);
      for (const answer of answers)
        expect(answer).toMatch(/^HTTP\/1.1 408 [^]*"error":"REQUEST_TOO_SLOW"/);
      return performance.now() - began;
    };
    expect(await quickest(CUT_OFF_WITHIN_MS, cutOff)).toBeLessThan(CUT_OFF_WITHIN_MS);
  });

  test("keys that reach into prototypes are refused, at any depth", async () => {
    const server = await startTestServer();
    for (const text of [
      '{"query":"x","__proto__":{"role":"admin"}}',
      '{"query":"x","config":{"__proto__":{"a":1}}}',
      '{"constructor":{"prototype":{"role":"admin"}}}',
    ]) {
      // Before any schema sees them.
      expect(await (await post(server, text)).json()).toMatchObject({
        error: "USAGE",
        message: expect.stringContaining("without the keys __proto__") as string,
      });
    }
    expect(({} as { role?: string }).role).toBeUndefined();
  });

  test("what is not JSON is refused in the same form as everything", async () => {
    const server = await startTestServer();
    expect(await body(await post(server, "{"))).toEqual([400, "USAGE"]);
    expect(await body(await post(server, ""))).toEqual([400, "USAGE"]);
    expect(await body(await post(server, "query=x", { "content-type": "text/plain" }))).toEqual([
      415,
      "MEDIA_TYPE_UNSUPPORTED",
    ]);
    expect(
      await body(
        await post(server, "query=x", { "content-type": "application/x-www-form-urlencoded" }),
      ),
    ).toEqual([415, "MEDIA_TYPE_UNSUPPORTED"]);
    expect(await body(await fetch(`${server.url}/%zz`))).toEqual([400, "USAGE"]);
    expect(await body(await fetch(`${server.url}${RUNS}/${"x".repeat(1_000)}`))).toEqual([
      400,
      "USAGE",
    ]);
    expect(await bytes(server.url, "this is no HTTP\r\n\r\n")).toMatch(
      /^HTTP\/1.1 400 [^]*"error":"USAGE"/,
    );
    expect(
      await bytes(
        server.url,
        `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${"x".repeat(100_000)}\r\n\r\n`,
      ),
    ).toMatch(/^HTTP\/1.1 431 /);
  });

  test("a known address says which methods it takes", async () => {
    const server = await startTestServer();
    const response = await fetch(`${server.url}${RUNS}`, { method: "DELETE" });
    expect(response.headers.get("allow")?.split(", ").toSorted()).toEqual(["GET", "HEAD", "POST"]);
    expect(await body(response)).toEqual([405, "METHOD_NOT_ALLOWED"]);
  });
});

describe("pages of other web sites", () => {
  test("without sign-in only names of this machine are answered", async () => {
    const server = await startTestServer();
    const { port } = new URL(server.url);
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "10.0.0.1",
      "[::ffff:10.0.0.1]",
      "a b",
    ]) {
      expect([host, ...(await raw(`${server.url}${RUNS}`, { host }))]).toEqual([
        host,
        expect.toBeOneOf([400, 403]),
        expect.stringMatching(/"error":"(FORBIDDEN|USAGE)"|^$/),
      ]);
    }
    expect(
      await bytes(server.url, `GET ${RUNS} HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n`),
    ).toMatch(/^HTTP\/1.1 403 /);
    for (const host of [`localhost:${port}`, "127.0.0.1", `[::1]:${port}`])
      expect([host, (await raw(`${server.url}${RUNS}`, { host }))[0]]).toEqual([host, 200]);
  });

  test("a page elsewhere neither reads nor writes; the server's own pages and listed ones do", async () => {
    const server = await startTestServer({ env: { CORS_ORIGINS: "https://portal.example" } });
    const { host } = new URL(server.url);
    for (const origin of [
      "https://evil.example",
      "null",
      `http://${host}.evil.example`,
      "http://127.0.0.1",
    ]) {
      expect([origin, (await raw(`${server.url}${RUNS}`, { origin }, "POST"))[0]]).toEqual([
        origin,
        403,
      ]);
      expect([origin, (await raw(`${server.url}${RUNS}`, { origin }))[0]]).toEqual([origin, 403]);
    }
    expect((await raw(`${server.url}${RUNS}`, { origin: `http://${host}` }))[0]).toBe(200);
    const listed = await fetch(`${server.url}${RUNS}`, {
      headers: { origin: "https://portal.example" },
    });
    expect([listed.status, listed.headers.get("access-control-allow-origin")]).toEqual([
      200,
      "https://portal.example",
    ]);
  });

  test("CORS is off unless configured", async () => {
    const server = await startTestServer({ env: { AUTH: "token" } });
    const preflight = await fetch(`${server.url}${RUNS}`, {
      method: "OPTIONS",
      headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
    });
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([
      403,
      null,
    ]);
  });

  test("answers load nothing, are framed by nobody and are what they say they are", async () => {
    const server = await startTestServer();
    const { headers } = await fetch(`${server.url}${RUNS}`);
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
    );
    expect([
      headers.get("x-content-type-options"),
      headers.get("x-powered-by"),
      headers.get("server"),
      headers.get("cache-control"),
    ]).toEqual(["nosniff", null, null, "no-store"]);
  });
});

describe("secrets", () => {
  const URI = "mongodb://haystack:s3cr3t-w0rd@db.example/";
  const faulty: RouteModule = {
    prefix: "/api/v1",
    routes: () => async (app) => {
      app.get("/fault", { config: { access: "public" } }, () =>
        Promise.reject(new Error(`cannot reach ${URI} with sk-live-0123456789`)),
      );
      app.get("/known-fault", { config: { access: "public" } }, async ({ log, headers }) => {
        log.warn({ headers }, "about to fail");
        throw new HaystackError(
          "STORE_UNAVAILABLE",
          `The server ${URI} is not there; look for s3cr3t-w0rd.`,
          { details: { uri: URI } },
        );
      });
    },
  };

  test("neither errors nor logs show them", async () => {
    const { parts } = await startTestServer();
    const lines: string[] = [];
    const logger = createLogger({
      level: "trace",
      format: "json",
      write: (line) => void lines.push(line),
    });
    const secretive: ServerParts = {
      ...parts,
      logger,
      config: { ...parts.config, MONGODB_URI: URI, OPENAI_API_KEY: "sk-live-0123456789" },
    };
    const app = await createServer(secretive, [faulty]);
    onTestFinished(() => app.close());
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    const answers = await Promise.all(
      ["fault", "known-fault"].map(async (path) => (await fetch(`${url}/api/v1/${path}`)).text()),
    );
    expect(answers.map((text) => (JSON.parse(text) as { error: string }).error)).toEqual([
      "INTERNAL",
      "STORE_UNAVAILABLE",
    ]);
    expect(lines.filter((line) => line.includes("A request failed"))).toHaveLength(2);
    expect(answers[0]).not.toContain("cannot reach");
    for (const text of [...answers, ...lines])
      expect(text).not.toMatch(/s3cr3t-w0rd|sk-live-0123456789/);
  });

  test("a bearer token is in no log and no error", async () => {
    const { parts, token } = await startTestServer({ env: { AUTH: "token" } });
    const secret = await token("user@example.org");
    const lines: string[] = [];
    const logger = createLogger({
      level: "trace",
      format: "json",
      write: (line) => void lines.push(line),
    });
    const app = await createServer({ ...parts, logger }, [faulty]);
    onTestFinished(() => app.close());
    const url = await app.listen({ host: "127.0.0.1", port: 0 });
    const answers = [];
    for (const path of ["fault", "known-fault", `nothing?token=${secret}`])
      answers.push(
        await (
          await fetch(`${url}/api/v1/${path}`, { headers: { authorization: `Bearer ${secret}` } })
        ).text(),
      );
    expect(lines.filter((line) => line.includes("about to fail"))).toHaveLength(1);
    for (const text of [...answers, ...lines]) expect(text).not.toContain(secret);
  });
});
