import { Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { jobSpec } from "./batch.contract.ts";
import { endOf, googleHarness } from "./google-batch-harness.ts";

// Alone in its file: what the client once found out about a metadata server it keeps for the life
// of the process.
test("with an endpoint on this machine nothing else is dialled", async () => {
  const hosts: string[] = [];
  const connect = Socket.prototype.connect;
  const spy = vi.spyOn(Socket.prototype, "connect").mockImplementation(function (
    this: Socket,
    ...given: Parameters<typeof connect>
  ) {
    const options = (Array.isArray(given[0]) ? (given[0] as unknown[])[0] : given[0]) as {
      host?: string;
      path?: string;
    };
    hosts.push(options.host ?? options.path ?? "");
    return connect.apply(this, given);
  });
  vi.stubEnv("METADATA_SERVER_DETECTION", undefined);
  onTestFinished(() => {
    spy.mockRestore();
    vi.unstubAllEnvs();
  });
  const harness = await googleHarness();
  await endOf(harness, jobSpec(), { exit: 1 });
  await harness.batch.cancel("j");
  expect(new Set(hosts)).toEqual(new Set(["127.0.0.1"]));
});
