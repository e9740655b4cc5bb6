import { randomUUID } from "node:crypto";
import { MongoClient } from "mongodb";
import { afterAll, beforeAll } from "vitest";
import { openMongoAccess } from "../../services/access/mongodb.ts";
import { describeWithMongodb, startMongodb, type MongodbServer } from "../support/mongodb.ts";
import { accessContract } from "./access.contract.ts";

describeWithMongodb("access store on MongoDB", () => {
  let server: MongodbServer;
  const databases: string[] = [];
  beforeAll(async () => {
    server = await startMongodb();
  });
  afterAll(async () => {
    if (server.own === undefined) {
      const client = new MongoClient(server.uri);
      for (const name of databases) await client.db(name).dropDatabase();
      await client.close();
    }
    await server.stop();
  });

  accessContract("MongoDB", () => {
    const database = `haystack_test_${randomUUID().slice(0, 8)}`;
    databases.push(database);
    return Promise.resolve(() => openMongoAccess({ uri: server.uri, database }));
  });
});
