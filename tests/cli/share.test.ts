import { expect, onTestFinished, test } from "vitest";
import { ADA, BO, pastRun, startApi } from "../server/api-harness.ts";
import { haystack } from "../support/command-line.ts";

test("a run is shared, shown, listed and taken back by commands, at a server and beside it", async () => {
  const server = await startApi();
  onTestFinished(() => server.close());
  await server.daemon.runs.insert(pastRun("run-a1", ADA));
  await server.daemon.runs.insert(pastRun("run-b1", ADA));
  const as = async (owner: string) => {
    const { token } = await server.caller(owner);
    return (...args: string[]) =>
      haystack(args, { env: { HAYSTACK_SERVER: server.url, HAYSTACK_TOKEN: token } });
  };
  const [ada, bo] = [await as(ADA), await as(BO)];
  expect(await ada("share", "run-a", BO)).toEqual({
    code: 0,
    stdout: `run-a1: shared with ${BO}\n`,
    stderr: "",
  });
  expect((await ada("status", "run-a1")).stdout).toContain(`Shared with: ${BO}\n`);
  expect((await bo("status", "run-a")).stdout).toContain(
    `Owner: ${ADA} (shared with you, to read)\n`,
  );
  expect((await bo("list")).stdout).toContain("There are no runs yet.");
  const listed = JSON.parse((await bo("list", "--shared", "--json")).stdout) as {
    runs: { run_id: string }[];
  };
  expect(listed.runs.map(({ run_id }) => run_id)).toEqual(["run-a1"]);
  expect(await bo("delete", "run-a1")).toEqual({
    code: 2,
    stdout: "",
    stderr: "haystack: This run is shared with you to read; only its owner may do this.\n",
  });
  expect((await ada("share", "run-a1", "bo")).stderr).toContain(
    "A run is shared with an e-mail address",
  );

  const here = (...args: string[]) => haystack([...args, "--data-dir", server.config.dataDir]);
  expect(JSON.parse((await here("share", "run-a1", "cy@example.org", "--json")).stdout)).toEqual({
    run_id: "run-a1",
    shared_with: [BO, "cy@example.org"],
  });
  expect((await here("share", "run-a1", ADA)).stderr).toContain("own; name another user");
  expect((await here("status", "run-a1")).stdout).toContain(`Shared with: ${BO}, cy@example.org\n`);
  expect((await here("list", "--shared")).code).toBe(2);
  await here("unshare", "run-a1", "cy@example.org");
  expect((await ada("unshare", "run-a1", BO)).stdout).toBe("run-a1: shared with nobody\n");
  expect((await bo("status", "run-a1")).code).toBe(2);
  const audit = await server.parts.access.listAudit({ target: "run-a1" });
  expect(audit.filter(({ outcome }) => outcome === "done").map(({ action }) => action)).toEqual([
    `unshare ${BO}`,
    "unshare cy@example.org",
    "share cy@example.org",
    `share ${BO}`,
  ]);
});
