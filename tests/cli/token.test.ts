import { hostname, userInfo } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { openAccess } from "../../adapters/access.ts";
import { loadConfig } from "../../config.ts";
import { haystack } from "../support/command-line.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";

const json = async <Result>(args: readonly string[]): Promise<Result> => {
  const { code, stdout, stderr } = await haystack([...args, "--json"]);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as Result;
};

interface Issued {
  readonly id: string;
  readonly token: string;
}

test("a token is made once, used against the daemon, listed without its secret, and revoked while the daemon runs", async () => {
  const folder = await temporaryFolder();
  const { id, token } = await json<Issued>([
    "token",
    "create",
    "--owner",
    "User@Example.org",
    "--role",
    "admin",
    "--days",
    "2",
    "--data-dir",
    folder,
  ]);
  expect(token).toMatch(/^hs_[\w-]{43}$/);
  const asked = Promise.withResolvers<readonly [number, number, number]>();
  let begun = false;
  const useIt = async (url: string): Promise<readonly [number, number, number]> => {
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${url}/api/v1/runs`, { headers })).status;
    const before = [await status({}), await status({ authorization: `Bearer ${token}` })] as const;
    await json(["token", "revoke", id, "--data-dir", folder]);
    return [...before, await status({ authorization: `Bearer ${token}` })];
  };
  const served = await haystack(["serve", "--data-dir", folder], {
    env: { AUTH: "token", HTTP_PORT: "0", LOG_FORMAT: "plain" },
    onStderr(text, kill) {
      const [, url] = /answers at (http:\S+)/.exec(text) ?? [];
      if (url === undefined || begun) return;
      begun = true;
      useIt(url)
        .then(asked.resolve, asked.reject)
        .finally(() => kill("SIGTERM"));
    },
  });
  expect(await asked.promise).toEqual([401, 200, 401]);
  expect([served.code, served.stderr]).toEqual([0, expect.not.stringContaining(token)]);
  const { tokens } = await json<{ tokens: object[] }>(["token", "list", "--data-dir", folder]);
  expect(tokens).toEqual([
    expect.objectContaining({
      id,
      owner: "user@example.org",
      role: "admin",
      revoked_at: expect.any(String) as unknown,
    }),
  ]);
  expect(JSON.stringify(tokens)).not.toContain(token);
});

test("what cannot be is refused in one sentence", async () => {
  const folder = await temporaryFolder();
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stderr, stdout } = await haystack(["token", ...args, "--data-dir", folder]);
    expect([code, stdout]).toEqual([2, ""]);
    return stderr;
  };
  expect(await refused("create", "--owner", "local")).toMatch(/--owner must be the e-mail address/);
  expect(await refused("create", "--owner", "a@example.org", "--role", "root")).toMatch(
    /--role must be user or admin/,
  );
  expect(await refused("create", "--owner", "a@example.org", "--days", "0")).toMatch(
    /--days must be a whole number/,
  );
  expect(await refused("revoke", "nothing")).toMatch(/There is no token nothing/);
});

test("without sign-in the daemon refuses to serve other machines, and a port that is taken", async () => {
  const folder = await temporaryFolder();
  const open = await haystack(["serve", "--data-dir", folder], {
    env: { HTTP_HOST: "0.0.0.0", HTTP_PORT: "0" },
  });
  expect([open.code, open.stderr.trim().split("\n")]).toEqual([
    2,
    [
      expect.stringMatching(
        /^haystack: .*AUTH \(without sign-in the daemon listens on this machine only/,
      ),
    ],
  ]);
  const taken = await haystack(["serve", "--data-dir", folder], {
    env: { HTTP_HOST: "192.0.2.1", AUTH: "token", HTTP_PORT: "8080" },
  });
  expect([taken.code, taken.stderr]).toEqual([
    2,
    expect.stringContaining("cannot listen on HTTP_HOST 192.0.2.1"),
  ]);
});

test("what is done at the command line is on record before it is done, with who did it", async () => {
  const folder = await temporaryFolder();
  const { id } = await json<Issued>([
    "token",
    "create",
    "--owner",
    "a@example.org",
    "--data-dir",
    folder,
  ]);
  await json(["token", "revoke", id, "--data-dir", folder]);
  const { code } = await haystack(["token", "revoke", "none", "--data-dir", folder]);
  expect(code).toBe(2);
  const submitted = await haystack([
    "submit",
    "How would B cells respond to IFN-beta?",
    "--data-dir",
    folder,
    "--json",
  ]);
  const { run_id } = JSON.parse(submitted.stdout) as { run_id: string };
  await haystack(["cancel", run_id, "--data-dir", folder]);
  await haystack(["retry", run_id, "--data-dir", folder]);
  const access = await openAccess(loadConfig({}, folder));
  onTestFinished(() => access.close());
  const entries = (await access.listAudit({})).toReversed();
  expect(new Set(entries.map(({ who, from }) => `${who} ${from}`))).toEqual(
    new Set([`command line (${userInfo().username}@${hostname()}) local`]),
  );
  expect(entries.map(({ action, target, outcome }) => `${action} ${target} ${outcome}`)).toEqual([
    "token.create a@example.org begun",
    `token.create ${id} begun`,
    `token.create ${id} done`,
    "token.create a@example.org done",
    `token.revoke ${id} begun`,
    `token.revoke ${id} done`,
    "token.revoke none begun",
    "token.revoke none TOKEN_NOT_FOUND",
    `cancel ${run_id} begun`,
    `cancel ${run_id} done`,
    `retry ${run_id} begun`,
    `retry ${run_id} RUN_STATE_FORBIDS`,
  ]);
});
