import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { BSON, MongoClient, type Document } from "mongodb";
import { changeEvents } from "./change-events.ts";
import { answerTo, bodyOf, commandOf, messagesOf } from "./wire-messages.ts";

/**
 * A server for tests that is a replica set of one (or, as told, a single server): it hands every
 * command to a MongoDB-wire server, and adds the change streams that no server of the package
 * registries has. The pipeline of a stream is evaluated by the server behind.
 *
 * Faults: streams refused, open ones broken, and connections cut after the server behind has done a
 * command.
 */
export interface ReplicaSet {
  readonly uri: string;
  /** Streams that are open at this moment. */
  streams(): number;
  /** How often a stream was asked for. */
  asked(): number;
  /** Whether further streams are refused, as by a server that has none. */
  refuseStreams(refused: boolean): void;
  /** Ends the open streams with an error that no driver goes on after. */
  breakStreams(): void;
  /**
   * The next command of this name on the runs is done and its connection cut instead of the answer;
   * resolves when that has happened.
   */
  loseAnswer(command: string): Promise<void>;
  connections(): number;
  stop(): Promise<void>;
}

interface Stream {
  readonly pipeline: Document[];
  readonly collection: string;
  readonly database: string;
  /** Place in the log of changes. */
  at: number;
  broken: boolean;
}

interface Change {
  readonly event: Document;
  readonly database: string;
  readonly collection: string;
}

const WRITES = new Set(["insert", "update", "findAndModify", "delete"]);
const HELLO = new Set(["hello", "isMaster", "ismaster"]);
const REFUSAL = {
  ok: 0,
  errmsg: "The $changeStream stage is only supported on replica sets",
  code: 40_573,
  codeName: "Location40573",
};
const HISTORY_LOST = {
  ok: 0,
  errmsg: "Resume of change stream was not possible",
  code: 286,
  codeName: "ChangeStreamHistoryLost",
};
const AWAIT_MS = 1_000;
/**
 * A collection with one document, whatever it is: each change takes its place, to go through a
 * pipeline.
 */
const ONE_DOCUMENT = "one_document";

const tokenOf = (place: number): Document => ({ _data: String(place) });

export async function startReplicaSet(
  behind: string,
  {
    isSingle = false,
    onCommand,
    answerInstead,
  }: {
    readonly isSingle?: boolean;
    /** A promise holds the command up. */
    readonly onCommand?: (command: Document) => void | Promise<unknown>;
    /** What a command is answered with that is not handed on; undefined for every other one. */
    readonly answerInstead?: (command: Document) => Document | undefined;
  } = {},
): Promise<ReplicaSet> {
  const { hostname, port: portBehind } = new URL(behind);
  const client = new MongoClient(behind);
  const sockets = new Set<Socket>();
  const changes: Change[] = [];
  const views = new Map<string, Map<string, Document>>();
  const streams = new Map<string, Stream>();
  const waiting = new Set<() => void>();
  const losing = new Map<string, () => void>();
  let writing: Promise<unknown> = Promise.resolve();
  let refused = false;
  let asked = 0;
  let address = "";
  /**
   * The wire server knows only the older word for hello. Sessions and streamed hellos, which a
   * mongod behind offers, are not handed on.
   */
  let handshake: Document = {};

  const membership = (): Document =>
    isSingle
      ? {}
      : {
          setName: "tests",
          setVersion: 1,
          hosts: [address],
          me: address,
          primary: address,
          secondary: false,
        };

  const wake = (): void => {
    for (const go of waiting) go();
    waiting.clear();
  };

  const look = async (database: string, collection: string): Promise<Map<string, Document>> =>
    new Map(
      (await client.db(database).collection(collection).find().toArray()).map((document) => [
        String(document["_id"]),
        document,
      ]),
    );

  /**
   * One write at a time, so that each change is of one command; only collections that somebody has
   * followed are looked at.
   */
  const written = (
    database: string,
    collection: string,
    work: () => Promise<Buffer>,
  ): Promise<Buffer> => {
    const done = writing.then(async () => {
      const answer = await work();
      const key = `${database}.${collection}`;
      const before = views.get(key);
      if (before === undefined) return answer;
      const after = await look(database, collection);
      views.set(key, after);
      for (const event of changeEvents(before, after))
        changes.push({
          event: {
            _id: tokenOf(changes.length + 1),
            ...event,
            ns: { db: database, coll: collection },
          },
          database,
          collection,
        });
      wake();
      return answer;
    });
    writing = done.catch(() => undefined);
    return done;
  };

  /** What the stream's pipeline leaves of the changes since its last answer. */
  const batchOf = async (stream: Stream): Promise<Document[]> => {
    const batch: Document[] = [];
    for (; stream.at < changes.length; stream.at++) {
      const change = changes[stream.at];
      if (change?.database !== stream.database || change.collection !== stream.collection) continue;
      const evaluated = client.db(stream.database).collection(ONE_DOCUMENT);
      batch.push(
        ...(await evaluated
          .aggregate([
            { $replaceRoot: { newRoot: { $literal: change.event } } },
            ...stream.pipeline,
          ])
          .toArray()),
      );
    }
    return batch;
  };

  const cursorOf = async (id: string, batch: "firstBatch" | "nextBatch"): Promise<Document> => {
    const stream = streams.get(id);
    if (stream === undefined)
      return { ok: 0, errmsg: `cursor id ${id} not found`, code: 43, codeName: "CursorNotFound" };
    if (stream.broken) {
      streams.delete(id);
      return HISTORY_LOST;
    }
    const documents = await batchOf(stream);
    return {
      ok: 1,
      cursor: {
        id: BSON.Long.fromString(id),
        ns: `${stream.database}.${stream.collection}`,
        [batch]: documents,
        postBatchResumeToken: tokenOf(stream.at),
      },
    };
  };

  const openStream = async ({ aggregate, $db, pipeline }: Document): Promise<Document> => {
    asked += 1;
    if (refused) return REFUSAL;
    const [collection, database] = [String(aggregate), String($db)];
    await writing;
    await client
      .db(database)
      .collection(ONE_DOCUMENT)
      .updateOne({}, { $set: { is: 1 } }, { upsert: true });
    if (!views.has(`${database}.${collection}`))
      views.set(`${database}.${collection}`, await look(database, collection));
    const [stage, ...rest] = pipeline as Document[];
    const { resumeAfter } = (stage?.["$changeStream"] ?? {}) as { resumeAfter?: { _data: string } };
    const id = String(1_000 + asked);
    streams.set(id, {
      pipeline: rest,
      collection,
      database,
      at: resumeAfter === undefined ? changes.length : Number(resumeAfter._data),
      broken: false,
    });
    return cursorOf(id, "firstBatch");
  };

  const readOn = async (id: string, maxTimeMS: unknown): Promise<Document> => {
    const answer = await cursorOf(id, "nextBatch");
    const { cursor } = answer as { cursor?: { nextBatch: Document[] } };
    if (
      cursor === undefined ||
      cursor.nextBatch.length > 0 ||
      (streams.get(id)?.at ?? 0) < changes.length
    )
      return answer;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Number(maxTimeMS ?? AWAIT_MS));
      waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
    return cursorOf(id, "nextBatch");
  };

  /** The answer to a command about streams; undefined for every other one. */
  const ofStreams = async (command: Document): Promise<Document | undefined> => {
    const pipeline = command["pipeline"] as Document[] | undefined;
    if (pipeline?.[0]?.["$changeStream"] !== undefined) return openStream(command);
    if (command["getMore"] !== undefined && streams.has(String(command["getMore"])))
      return readOn(String(command["getMore"]), command["maxTimeMS"]);
    if (command["killCursors"] === undefined) return undefined;
    const ids = (command["cursors"] as unknown[]).map(String).filter((id) => streams.delete(id));
    if (ids.length === 0) return undefined;
    wake();
    return {
      ok: 1,
      cursorsKilled: ids.map((id) => BSON.Long.fromString(id)),
      cursorsNotFound: [],
      cursorsAlive: [],
      cursorsUnknown: [],
    };
  };

  const serve = async (socket: Socket): Promise<void> => {
    const upstream = connect({ port: Number(portBehind), host: hostname, noDelay: true });
    const answers = messagesOf(upstream);
    const forward = async (message: Buffer): Promise<Buffer> => {
      upstream.write(message);
      const { value, done } = await answers.next();
      if (done === true) throw new Error("The server behind has closed the connection.");
      return value;
    };
    const answer = async (message: Buffer): Promise<Buffer> => {
      const command = commandOf(message);
      const name = Object.keys(command)[0] ?? "";
      await onCommand?.(command);
      const own = answerInstead?.(command) ?? (await ofStreams(command));
      if (own !== undefined) return answerTo(message, own);
      if (WRITES.has(name))
        return written(String(command["$db"]), String(command[name]), () => forward(message));
      if (!HELLO.has(name)) return forward(message);
      if (name !== "hello") {
        const { logicalSessionTimeoutMinutes, topologyVersion, ...body } = bodyOf(
          await forward(message),
        );
        handshake = body;
      }
      return answerTo(message, { ...handshake, ...membership(), isWritablePrimary: true });
    };
    try {
      for await (const message of messagesOf(socket)) {
        const given = await answer(message);
        const [[name, collection] = []] = Object.entries(commandOf(message));
        const lost = collection === "runs" ? losing.get(name ?? "") : undefined;
        if (lost !== undefined) {
          losing.delete(name ?? "");
          socket.destroy();
          lost();
          return;
        }
        socket.write(given);
      }
    } finally {
      upstream.destroy();
      socket.destroy();
    }
  };

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
    serve(socket).catch(() => undefined);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    uri: `mongodb://${address}`,
    streams: () => streams.size,
    asked: () => asked,
    refuseStreams: (wanted) => void (refused = wanted),
    breakStreams() {
      for (const stream of streams.values()) stream.broken = true;
      wake();
    },
    loseAnswer: (command) => new Promise((resolve) => losing.set(command, resolve)),
    connections: () => sockets.size,
    async stop() {
      for (const socket of sockets) socket.destroy();
      wake();
      await new Promise((closed) => server.close(closed));
      await client.close();
    },
  };
}
