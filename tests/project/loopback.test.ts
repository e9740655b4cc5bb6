import { execFile, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { lookup, Resolver } from "node:dns";
import { lookup as lookupPromised } from "node:dns/promises";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { describeWithPython, runPython } from "../support/python.ts";
import { jobSpec } from "../services/batch.contract.ts";
import { googleHarness } from "../services/google-batch-harness.ts";
import { localHarness } from "../services/local-batch-harness.ts";

/** An address that no machine has (RFC 5737), and a name that every name server knows. */
const ADDRESS = "192.0.2.1";
const NAME = "example.com";

const DIAL = `require("node:net").connect(80, "${ADDRESS}")`;
const REFUSED = /192\.0\.2\.1 was refused/;

/** The addresses noted since the last call; what is left of them fails this file. */
function noted(): string[] {
  const file = process.env["OUTSIDE_DIALS"] ?? "";
  const addresses = readFileSync(file, "utf8").trimEnd().split("\n");
  rmSync(file);
  return addresses;
}

describe("an address beyond this machine is refused and noted", () => {
  test.each<[string, string, () => Promise<unknown>]>([
    [
      "by fetch",
      ADDRESS,
      () =>
        fetch(`http://${ADDRESS}/`).catch((thrown: Error) => Promise.reject(thrown.cause as Error)),
    ],
    ["by http", ADDRESS, () => once(get(`http://${ADDRESS}/`), "response")],
    ["by a socket", ADDRESS, () => once(connect(80, ADDRESS), "connect")],
    ["by a socket, by name", NAME, () => once(connect({ port: 80, host: NAME }), "connect")],
    ["by look-up", NAME, () => promisify(lookup)(NAME)],
    ["by promised look-up", NAME, () => lookupPromised(NAME)],
    [
      "by a resolver",
      NAME,
      () =>
        promisify((name: string, answer: (error: Error | null) => void) =>
          new Resolver().resolve4(name, answer),
        )(NAME),
    ],
  ])("%s", async (_, host, dial) => {
    await expect(dial()).rejects.toThrow(`${host} was refused: tests stay on this machine.`);
    expect(noted()).toEqual([host]);
  });

  test("by a datagram", () => {
    const socket = createSocket("udp4");
    onTestFinished(() => void socket.close());
    expect(() => socket.send("x", 53, ADDRESS)).toThrow(REFUSED);
    expect(noted()).toEqual([ADDRESS]);
  });

  test("in a thread", async () => {
    const file = join(await temporaryFolder(), "thread.cjs");
    writeFileSync(file, DIAL);
    await expect(once(new Worker(file), "exit")).rejects.toThrow(REFUSED);
    expect(noted()).toEqual([ADDRESS]);
  });

  test("in a process, and in one below it", async () => {
    await expect(promisify(execFile)(process.execPath, ["-e", DIAL])).rejects.toThrow(REFUSED);
    const nested = `process.exit(require("node:child_process").spawnSync(process.execPath, ["-e", ${JSON.stringify(DIAL)}], { stdio: "inherit" }).status)`;
    expect(spawnSync(process.execPath, ["-e", nested], { encoding: "utf8" })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(REFUSED) as string,
    });
    expect(noted()).toEqual([ADDRESS, ADDRESS]);
  });

  test("in the program of a job, which gets an environment of its own: on this machine and on Batch", async () => {
    const command = [
      process.execPath,
      "-e",
      `${DIAL}.on("error", ({ message }) => { console.error(message); process.exitCode = 1; })`,
      "--",
    ];
    const local = await localHarness({
      program: { command, model: { name: "test", is_baseline: true } },
    });
    const here = jobSpec();
    await local.putInputs(here, {});
    await local.batch.submit(here);
    await local.events.until(here.job_id, ["FAILED"]);
    expect((await local.batch.get(here.job_id))?.failure?.reason).toMatch(REFUSED);

    const image = "europe-docker.pkg.dev/p/haystack/dialling:1";
    const google = await googleHarness({ image }, { images: { [image]: command } });
    const there = jobSpec();
    await google.batch.submit(there);
    await google.server.reached(there.job_id, "FAILED");
    expect(google.server.log(there.job_id)).toMatch(REFUSED);
    expect(noted()).toEqual([ADDRESS, ADDRESS]);
  });
});

describeWithPython("Python", () => {
  test.each([
    ["dials no address", ADDRESS, `socket.create_connection(("${ADDRESS}", 80))`],
    ["looks up no name", NAME, `socket.getaddrinfo("${NAME}", 80)`],
    [
      "sends no datagram",
      ADDRESS,
      `socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("${ADDRESS}", 53))`,
    ],
  ])("%s beyond this machine", async (_, host, program) => {
    await expect(runPython(`import socket; ${program}`)).rejects.toThrow(`${host} was refused`);
    expect(noted()).toEqual([host]);
  });

  test("still reaches this machine", async () => {
    expect(
      await runPython(
        'import socket; s = socket.create_server(("127.0.0.1", 0)); socket.create_connection(("localhost", s.getsockname()[1])); print(1)',
      ),
    ).toBe(1);
  });
});
