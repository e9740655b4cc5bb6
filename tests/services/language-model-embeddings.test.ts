import { expect, test } from "vitest";
import { manualClock } from "../../services/clock/manual.ts";
import {
  answersWith,
  DROPS,
  EMBEDDING,
  HANGS,
  sendsText,
  startModelServer,
} from "../support/model-server.ts";

const options = (signal = new AbortController().signal) => ({
  key: "call-1",
  timeout_ms: 30_000,
  signal,
});

/** A clock whose waits, but for time limits, are over at once. */
const hurried = () => {
  const clock = manualClock();
  return {
    ...clock,
    after(ms: number, callback: () => void) {
      const due = clock.now() + ms;
      const forget = clock.after(ms, callback);
      if (ms !== 30_000) queueMicrotask(() => clock.advanceTo(Math.max(due, clock.now())));
      return forget;
    },
  };
};

test("texts become vectors in their order, priced by the tokens of the answer", async () => {
  const server = await startModelServer();
  server.embed((text) => [text.length, 1]);
  const { embedding } = server.model({ embedding: EMBEDDING });
  expect(await embedding?.embed(["a", "four"], options())).toEqual({
    vectors: [
      [1, 1],
      [4, 1],
    ],
    usage: { tokens: 6, usd: (6 * EMBEDDING.price) / 1_000_000 },
  });
  expect(server.embeddingCalls).toEqual([
    {
      body: { model: "scripted-embedding", input: ["a", "four"], encoding_format: "float" },
      headers: expect.objectContaining({
        authorization: "Bearer test-key",
        "idempotency-key": "call-1",
      }) as object,
    },
  ]);
  expect(server.model().embedding).toBeUndefined();
});

test("what passes is tried again, with the same key", async () => {
  const server = await startModelServer();
  server.embed(() => [1]);
  server.scriptEmbeddings(answersWith(500), DROPS, sendsText('{"data":['), answersWith(429));
  const { embedding } = server.model({ embedding: EMBEDDING, clock: hurried() });
  expect(await embedding?.embed(["a"], options())).toStrictEqual({
    vectors: [[1]],
    usage: { tokens: expect.any(Number) as number, usd: expect.any(Number) as number },
  });
  expect(server.embeddingCalls.map(({ headers }) => headers["idempotency-key"])).toEqual(
    Array.from({ length: 5 }, () => "call-1"),
  );
});

test("what does not pass is MODEL_UNAVAILABLE at once and names the variable; cancellation ends a call", async () => {
  const server = await startModelServer();
  server.scriptEmbeddings(answersWith(404), HANGS);
  const { embedding } = server.model({ embedding: EMBEDDING });
  await expect(embedding?.embed(["a"], options())).rejects.toMatchObject({
    code: "MODEL_UNAVAILABLE",
    message: expect.stringMatching(
      /scripted-embedding answered with status 404 .*OPENAI_EMBEDDING_MODEL/,
    ) as string,
  });
  const stop = new AbortController();
  const failure = embedding?.embed(["a"], options(stop.signal)).catch((thrown: unknown) => thrown);
  stop.abort();
  expect(await failure).toMatchObject({ code: "STEP_ABORTED" });
});
