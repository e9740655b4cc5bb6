import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MongoClient } from "mongodb";
import { expect, onTestFinished, test } from "vitest";
import { describeWith } from "../support/describe-with.ts";
import { temporaryFolder } from "../support/hosted-runs.ts";
import { findServerProgram } from "../support/mongodb-program.ts";
import { startServer } from "../support/mongodb.ts";
import { MONGODB_WIRE } from "../support/real-parts.ts";

const WIRE = resolve(".cache/mongodb-wire/mongodb-wire");

/**
 * A mongod that is the wire server: it understands what a mongod is told, and says what a mongod
 * says.
 */
const PLANTED = `#!/usr/bin/env bash
while [ $# -gt 0 ]; do case "$1" in --port) port=$2; shift;; --dbpath) folder=$2; shift;; --bind_ip) [ "$2" = 127.0.0.1 ] || exit 3; shift;; esac; shift; done
exec > >(sed -u 's/^mongodb:.*/{"msg":"Waiting for connections"}/')
echo '{"msg":"starting"}'
exec "${WIRE}" "$port" "$folder" with-parent
`;

async function plant(file: string, mode: number): Promise<void> {
  await writeFile(file, PLANTED);
  await chmod(file, mode);
}

test("without a mongod on the path or a server in the cache folder there is none", async () => {
  const folder = await temporaryFolder();
  expect(findServerProgram(`${folder}::/nowhere`, folder)).toBeUndefined();
});

test("a mongod on the path comes before the server in the cache folder; what cannot be run is none", async () => {
  const folder = await temporaryFolder();
  const [first, second, cache] = ["first", "second", "cache"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const made of [first, second, join(cache, "mongodb-wire")])
    await mkdir(made, { recursive: true });
  await plant(join(first, "mongod"), 0o644);
  await plant(join(cache, "mongodb-wire", "mongodb-wire"), 0o755);
  expect(findServerProgram(`${first}:${second}`, cache)?.file).toBe(
    join(cache, "mongodb-wire", "mongodb-wire"),
  );
  await mkdir(join(second, "mongod"));
  expect(findServerProgram(`${first}:${second}`, cache)?.file).toBe(
    join(cache, "mongodb-wire", "mongodb-wire"),
  );
  await chmod(join(first, "mongod"), 0o755);
  expect(findServerProgram(`${first}:${second}`, cache)?.file).toBe(join(first, "mongod"));
});

describeWith(MONGODB_WIRE)("a mongod that was found", () => {
  test("is started on data of its own, keeps them over a kill, and is gone after the tests", async () => {
    const folder = await temporaryFolder();
    await plant(join(folder, "mongod"), 0o755);
    const program = findServerProgram(`${folder}:${process.env["PATH"] ?? ""}`);
    if (program === undefined) throw new Error("The planted mongod was not found.");
    expect(program.file).toBe(join(folder, "mongod"));
    const server = await startServer(program);
    const client = new MongoClient(server.uri, { serverSelectionTimeoutMS: 2_000 });
    onTestFinished(() => client.close());
    const things = client.db("found").collection("things");
    await things.insertOne({ name: "kept" }, { writeConcern: { j: true } });
    await server.own.kill();
    await server.own.restart();
    expect(await things.findOne()).toMatchObject({ name: "kept" });
    await server.stop();
    await expect(things.findOne()).rejects.toThrow(/connect/);
  });
});
