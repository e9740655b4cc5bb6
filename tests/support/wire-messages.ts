import type { Socket } from "node:net";
import { BSON, type Document } from "mongodb";

/** Messages of MongoDB's wire protocol, as far as a driver without compression uses them. */

const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER = 16;
const FLAGS = 4;

/** The messages that arrive, one after another, until the connection ends. */
export async function* messagesOf(socket: Socket): AsyncGenerator<Buffer> {
  let left = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    left = Buffer.concat([left, chunk]);
    while (left.length >= 4 && left.length >= left.readInt32LE(0)) {
      const length = left.readInt32LE(0);
      yield left.subarray(0, length);
      left = left.subarray(length);
    }
  }
}

const documentAt = (message: Buffer, start: number): Document =>
  BSON.deserialize(message.subarray(start, start + message.readInt32LE(start)), {
    promoteLongs: false,
  });

/** Documents that follow one another, up to the end. */
function documentsIn(message: Buffer, start: number, end: number): Document[] {
  const documents: Document[] = [];
  for (let at = start; at < end; at += message.readInt32LE(at))
    documents.push(documentAt(message, at));
  return documents;
}

/** The command of a request, with its batches of documents wherever they stand in the message. */
export function commandOf(message: Buffer): Document {
  if (message.readInt32LE(12) === OP_QUERY)
    return documentAt(message, message.indexOf(0, HEADER + FLAGS) + 1 + 8);
  const body: Document = {};
  const batches: Document = {};
  for (let at = HEADER + FLAGS; at < message.length; at += 1 + message.readInt32LE(at + 1)) {
    if (message[at] === 0) {
      Object.assign(body, documentAt(message, at + 1));
      continue;
    }
    const nameEnd = message.indexOf(0, at + 5);
    batches[message.toString("utf8", at + 5, nameEnd)] = documentsIn(
      message,
      nameEnd + 1,
      at + 1 + message.readInt32LE(at + 1),
    );
  }
  return { ...body, ...batches };
}

/** The body of an answer. */
export const bodyOf = (message: Buffer): Document =>
  documentAt(message, message.readInt32LE(12) === OP_REPLY ? HEADER + 20 : HEADER + FLAGS + 1);

/** An answer to a request, in the form in which it was asked. */
export function answerTo(request: Buffer, body: Document): Buffer {
  const isLegacy = request.readInt32LE(12) === OP_QUERY;
  const before = Buffer.alloc(isLegacy ? 20 : FLAGS + 1);
  if (isLegacy) before.writeInt32LE(1, 16);
  const content = Buffer.concat([before, BSON.serialize(body)]);
  const header = Buffer.alloc(HEADER);
  header.writeInt32LE(HEADER + content.length, 0);
  header.writeInt32LE(request.readInt32LE(4), 8);
  header.writeInt32LE(isLegacy ? OP_REPLY : OP_MSG, 12);
  return Buffer.concat([header, content]);
}
