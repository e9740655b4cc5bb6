import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { Transform } from "node:stream";
import { freePort } from "./free-port.ts";

export interface Fault {
  readonly method: string;
  /** Tried on path and query, decoded, and the range after a space. */
  readonly url: RegExp;
  /**
   * status: answers so, the server never sees the request. drop: breaks the connection instead of
   * an answer. lose-reply: the server does the work, then the connection breaks. cut: the answer
   * breaks off after `after` bytes. stall: the same, silently. corrupt-reply, corrupt-request: one
   * byte is another on the way. hold: all is well once `before` has resolved.
   */
  readonly kind:
    | "hold"
    | "status"
    | "drop"
    | "lose-reply"
    | "cut"
    | "stall"
    | "corrupt-reply"
    | "corrupt-request";
  readonly status?: number;
  readonly after?: number;
  /** How often; once when not said. */
  readonly times?: number;
  /** Runs before the fault plays. */
  readonly before?: () => Promise<void>;
}

export interface FaultyProxy {
  readonly url: string;
  /**
   * The requests so far, as "GET /path?query bytes=10-", decoded, the range only when there is one.
   */
  readonly requests: readonly string[];
  /**
   * Plays the fault on the next request that it fits. Faults are played in the order of their
   * injection.
   */
  inject(fault: Fault): void;
  /** From now on whoever asks for this bucket has to name a project that pays. */
  requestersPay(bucket: string): void;
  /** Faults that found no request yet. */
  pending(): number;
  /**
   * As when the server is started again: every connection breaks, none is taken for a moment, the
   * objects stay.
   */
  restart(): Promise<void>;
  close(): Promise<void>;
}

function corrupting(): Transform {
  let done = false;
  return new Transform({
    transform(chunk: Buffer, _, forward) {
      const changed = Buffer.from(chunk);
      const middle = changed.length >> 1;
      if (!done) changed[middle] = (changed[middle] ?? 0) ^ 1;
      done = true;
      forward(null, changed);
    },
  });
}

/** Lets `count` bytes through and then nothing more; `ends` tells whether the stream ends there. */
function upTo(count: number, ends: boolean): Transform {
  let left = count;
  return new Transform({
    transform(chunk: Buffer, _, forward) {
      if (left === 0) return forward();
      const part = chunk.subarray(0, left);
      left -= part.length;
      this.push(part);
      if (left === 0 && ends) this.push(null);
      forward();
    },
    flush() {},
  });
}

/** What the server knows of an unfinished or finished upload, by its session's id. */
interface Session {
  range?: string | undefined;
  finished?: string;
}

/** Notes what the answers to an upload's parts say. */
function follow(session: Session, answer: IncomingMessage): void {
  if (answer.statusCode === 308) session.range = answer.headers.range;
  if (answer.statusCode !== 200) return;
  let body = "";
  answer.on("data", (chunk: Buffer) => {
    body += chunk.toString();
  });
  answer.once("end", () => {
    session.finished = body;
  });
}

/**
 * Asked how far an upload is, fake-gcs-server ends the upload; this is how Cloud Storage answers.
 */
function answerProgress({ range, finished }: Session, outgoing: ServerResponse): void {
  if (finished !== undefined)
    outgoing.writeHead(200, { "Content-Type": "application/json" }).end(finished);
  else outgoing.writeHead(308, range === undefined ? {} : { Range: range }).end();
}

function pass(
  port: number,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: Fault | undefined,
  session: Session | undefined,
): void {
  const upstream = request(
    {
      host: "127.0.0.1",
      port,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
    },
    (answer) => {
      if (session !== undefined) follow(session, answer);
      if (fault?.kind === "lose-reply") {
        answer.resume().once("end", () => incoming.socket.destroy());
        return;
      }
      outgoing.writeHead(
        answer.statusCode ?? 502,
        fault?.kind === "cut" ? { ...answer.headers, connection: "close" } : answer.headers,
      );
      if (fault?.kind === "cut" || fault?.kind === "stall")
        answer.pipe(upTo(fault.after ?? 0, fault.kind === "cut")).pipe(outgoing);
      else if (fault?.kind === "corrupt-reply") answer.pipe(corrupting()).pipe(outgoing);
      else answer.pipe(outgoing);
    },
  );
  upstream.on("error", () => incoming.socket.destroy());
  incoming.once("aborted", () => upstream.destroy());
  if (fault?.kind === "corrupt-request") incoming.pipe(corrupting()).pipe(upstream);
  else incoming.pipe(upstream);
}

/** A proxy on loopback in front of the server at `port`. */
export async function faultyProxy(port: number): Promise<FaultyProxy> {
  const faults: { fault: Fault; left: number }[] = [];
  const requests: string[] = [];
  const paid = new Set<string>();
  const sessions = new Map<string, Session>();

  const sessionOf = (url: string): Session | undefined => {
    const id = /upload_id=(\w+)/.exec(url)?.[1];
    if (id === undefined) return undefined;
    const session = sessions.get(id) ?? {};
    sessions.set(id, session);
    return session;
  };
  const faultFor = (method: string, url: string): Fault | undefined => {
    const found = faults.find(({ fault }) => fault.method === method && fault.url.test(url));
    if (found !== undefined && --found.left === 0) faults.splice(faults.indexOf(found), 1);
    return found?.fault;
  };
  /** A session of an upload is paid for by whoever began it. */
  const isUnpaid = ({ url = "", headers }: IncomingMessage): boolean =>
    paid.has(/\/b\/([^/?]+)/.exec(url)?.[1] ?? "") &&
    !/[?&](userProject|upload_id)=\w/.test(url) &&
    headers["x-goog-user-project"] === undefined;
  const server = createServer((incoming, outgoing) => {
    const range = incoming.headers.range ?? incoming.headers["content-range"];
    const url = decodeURIComponent(incoming.url ?? "") + (range === undefined ? "" : ` ${range}`);
    requests.push(`${incoming.method} ${url}`);
    const fault = faultFor(incoming.method ?? "", url);
    const session = sessionOf(url);
    const play = async (): Promise<void> => {
      await fault?.before?.();
      if (fault?.kind === "drop") incoming.socket.destroy();
      else if (isUnpaid(incoming)) {
        incoming.resume();
        const message = "Bucket is a requester pays bucket but no user project provided.";
        outgoing
          .writeHead(400, { "Content-Type": "application/json" })
          .end(JSON.stringify({ error: { code: 400, message } }));
      } else if (fault?.kind === "status") {
        incoming.resume();
        outgoing.writeHead(fault.status ?? 503, { "Content-Type": "text/plain" }).end("Injected.");
      } else if (session !== undefined && range?.startsWith("bytes */") === true)
        answerProgress(session, outgoing);
      else pass(port, incoming, outgoing, fault, session);
    };
    play().catch((thrown: unknown) => outgoing.destroy(thrown as Error));
  });
  const listen = (at: number): Promise<void> =>
    new Promise((listening) => server.listen(at, "127.0.0.1", listening));
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  };
  const own = await freePort();
  await listen(own);
  return {
    url: `http://127.0.0.1:${own}`,
    requests,
    inject: (fault) => void faults.push({ fault, left: fault.times ?? 1 }),
    requestersPay: (bucket) => void paid.add(bucket),
    pending: () => faults.length,
    async restart() {
      await close();
      await listen(own);
    },
    close,
  };
}
