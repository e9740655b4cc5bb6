import { randomUUID } from "node:crypto";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll } from "vitest";
import { openMongoRuns } from "../../services/runs/mongodb.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { runsContract } from "./runs.contract.ts";

describeWithMongodb("run store on MongoDB", () => {
  let server: MongodbServer;
  let outside: MongoClient;
  const databases: string[] = [];
  const freshDatabase = (): string => {
    const name = `haystack_test_${randomUUID().slice(0, 8)}`;
    databases.push(name);
    return name;
  };

  beforeAll(async () => {
    server = await startMongodb();
    outside = new MongoClient(server.uri);
  });
  afterAll(async () => {
    for (const name of databases) await outside.db(name).dropDatabase();
    await outside.close();
    await server.stop();
  });

  runsContract("MongoDB", () => {
    const database = freshDatabase();
    return Promise.resolve({
      open: () => openMongoRuns({ uri: server.uri, database }),
      setStatus: async (runId, status) => void (await outside.db(database).collection("runs").updateOne({ run_id: runId }, { $set: { status } })),
    });
  });
});
