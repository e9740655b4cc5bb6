import { gunzipSync } from "node:zlib";
import { get } from "node:http";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { createServer } from "../../server/app.ts";
import { windowRoutes } from "../../server/window/routes.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { startScriptedServer } from "../support/scripted-server.ts";
import { ADA } from "./api-harness.ts";

const FIRST_VIEW_BYTES = 200_000;

/** As it comes over the network: `fetch` would unpack it. */
async function raw(url: string, headers: Readonly<Record<string, string>> = {}) {
  const [response] = (await once(get(url, { headers }), "response")) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) };
}

test("the window is one document that loads its own files alone, small and kept by the browser", async () => {
  const { url } = await startScriptedServer();
  const packed = await raw(`${url}/`, { "accept-encoding": "gzip, br" });
  const document = await raw(`${url}/`);
  expect(document.headers["content-encoding"]).toBeUndefined();
  expect(gunzipSync(packed.body)).toEqual(document.body);
  expect(document.headers).toMatchObject({
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-cache",
    vary: expect.stringContaining("accept-encoding") as string,
  });
  const policy = String(document.headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toMatch(/unsafe|https?:|\*/);
  const html = document.body.toString();
  expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|style=/);
  const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name = ""]) => name);
  expect(assets.length).toBeGreaterThanOrEqual(3);
  let total = packed.body.length;
  for (const name of assets) {
    // Relative, so that a proxy may serve the window under a path.
    expect(name).toMatch(/^\.\//);
    const asset = await raw(new URL(name, `${url}/`).href, { "accept-encoding": "gzip" });
    expect(asset).toMatchObject({
      status: 200,
      headers: {
        "content-encoding": "gzip",
        "cache-control": "public, max-age=31536000, immutable",
      },
    });
    total += asset.body.length;
  }
  expect(total).toBeLessThan(FIRST_VIEW_BYTES);
});

test("the links of mails lead into the window, under whatever path it is served", async () => {
  const { url } = await startScriptedServer();
  const { status, headers } = await raw(`${url}/run`);
  expect([status, headers.location]).toEqual([302, "./"]);
});

test.each(["token", "none"])("the document says how users sign in: %s", async (AUTH) => {
  const { url } = await startScriptedServer({ env: { AUTH } });
  expect(await (await fetch(url)).text()).toContain(`<html lang="en" data-sign-in="${AUTH}">`);
});

test("a checkout in which the window was not built says what to do", async () => {
  const { parts } = await startScriptedServer();
  const empty = await temporaryFolder();
  const app = await createServer(parts, [
    { prefix: "", routes: (given) => windowRoutes(given, empty) },
  ]);
  onTestFinished(() => app.close());
  const { statusCode, body } = await app.inject({ url: "/", headers: { host: "127.0.0.1" } });
  expect([statusCode, JSON.parse(body)]).toEqual([
    503,
    {
      error: "NOT_READY",
      error_type: "upstream",
      message:
        "The window has not been built in this checkout; run `npm run build:web`, then start the daemon again.",
    },
  ]);
});

test("a session says who asks", async () => {
  const server = await startScriptedServer({ env: { AUTH: "token" } });
  const ask = async (role: "user" | "admin"): Promise<unknown> =>
    (
      await fetch(`${server.url}/api/v1/session`, {
        headers: { authorization: `Bearer ${await server.token(ADA, role)}` },
      })
    ).json();
  const software = {
    name: server.parts.software.name,
    version: server.parts.software.version,
  };
  expect(await ask("user")).toEqual({ owner: ADA, role: "user", software });
  expect(await ask("admin")).toEqual({ owner: ADA, role: "admin", software });
  const alone = await startScriptedServer();
  expect(await (await fetch(`${alone.url}/api/v1/session`)).json()).toMatchObject({
    owner: null,
    role: "admin",
  });
});
