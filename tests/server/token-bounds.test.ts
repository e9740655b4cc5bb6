import type { FastifyRequest } from "fastify";
import { expect, test } from "vitest";
import { loadConfig } from "../../config.ts";
import { identifier } from "../../server/access/identify.ts";
import { hashOf } from "../../server/access/tokens.ts";
import type { ServerParts } from "../../server/parts.ts";
import type { AccessToken } from "../../services/access/index.ts";
import { manualClock } from "../../services/clock/manual.ts";

const SECRET = `hs_${"A".repeat(43)}`;
const TOKEN: AccessToken = {
  id: "t1",
  owner: "ada@example.org",
  role: "user",
  created_at: 0,
  expires_at: 1_000,
  revoked_at: null,
};

function asking(token: AccessToken, env: Readonly<Record<string, string>> = {}) {
  const clock = manualClock(0);
  const identify = identifier({
    access: { findToken: async (hash: string) => (hash === hashOf(SECRET) ? token : undefined) },
    clock,
    config: loadConfig({ AUTH: "token", ...env }, "/nowhere"),
  } as unknown as ServerParts);
  const ask = (authorization: string) =>
    identify({ headers: { authorization } } as unknown as FastifyRequest);
  return { ask, clock };
}

test("a token works until the moment at which it expires, and no longer", async () => {
  const { ask, clock } = asking(TOKEN);
  clock.advanceTo(999);
  expect(await ask(`Bearer ${SECRET}`)).toStrictEqual({
    owner: "ada@example.org",
    role: "user",
    credential: "t1",
    until: 1_000,
  });
  clock.advanceTo(1_000);
  await expect(ask(`Bearer ${SECRET}`)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});

test("a token's owner is an administrator by the token or by the list", async () => {
  const roleOf = async (token: AccessToken, admins: string): Promise<string> =>
    (await asking(token, { ADMINS: admins }).ask(`Bearer ${SECRET}`)).role;
  expect(await roleOf(TOKEN, "bo@example.org")).toBe("user");
  expect(await roleOf(TOKEN, "bo@example.org, Ada@Example.org")).toBe("admin");
  expect(await roleOf({ ...TOKEN, role: "admin" }, "")).toBe("admin");
});

test("a token that was revoked, and another secret, let nobody in", async () => {
  await expect(asking({ ...TOKEN, revoked_at: 5 }).ask(`Bearer ${SECRET}`)).rejects.toMatchObject({
    code: "UNAUTHENTICATED",
  });
  const { ask } = asking(TOKEN);
  for (const authorization of [`Bearer hs_${"B".repeat(43)}`, SECRET, "Bearer", "Basic x"])
    await expect(ask(authorization)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
});
