import { expect, test } from "vitest";
import { manualClock } from "../../services/clock/manual.ts";
import type { ModelRequest, ModelWait } from "../../services/language-model/index.ts";
import {
  answersWith,
  CALL,
  calls,
  counting,
  DROPS,
  DROPS_HALFWAY,
  fails,
  HANGS,
  isCutOff,
  refuses,
  says,
  sendsText,
  startModelServer,
  type ScriptEntry,
} from "../support/model-server.ts";

const REQUEST: ModelRequest = {
  instructions: "Say yes.",
  items: [
    { type: "data", text: "data" },
    {
      type: "kept",
      value: { type: "reasoning", id: "rs_0", summary: [], encrypted_content: "sealed" },
    },
    { type: "tool_call", call_id: "c", name: "look", arguments: "{}" },
    { type: "tool_result", call_id: "c", output: "{}" },
    { type: "answer", text: "maybe" },
  ],
  tools: [
    {
      name: "look",
      description: "Looks.",
      parameters: { type: "object", properties: {}, required: [], additionalProperties: false },
    },
  ],
  may_use_tools: true,
  answer: {
    name: "yes",
    schema: {
      type: "object",
      properties: { yes: { type: "boolean" } },
      required: ["yes"],
      additionalProperties: false,
    },
  },
  max_output_tokens: 777,
};
const options = (signal = new AbortController().signal) => ({
  key: "call-1",
  timeout_ms: 60_000,
  signal,
});

/**
 * A call whose waits the clock is turned through as soon as they begin; `waits` are their lengths.
 */
async function throughTime(script: readonly ScriptEntry[], timeout_ms = 60_000) {
  const server = await startModelServer();
  server.script(...script);
  const clock = manualClock(1_000_000);
  const waits: number[] = [];
  const turning = {
    ...clock,
    after(ms: number, callback: () => void) {
      if (ms === timeout_ms) return clock.after(ms, callback);
      waits.push(ms);
      const due = clock.now() + ms;
      const forget = clock.after(ms, callback);
      queueMicrotask(() => clock.advanceTo(Math.max(due, clock.now())));
      return forget;
    },
  };
  const told: (ModelWait | null)[] = [];
  const onWait = (wait: ModelWait | null): void => void told.push(wait);
  const outcome = server
    .model({ clock: turning })
    .complete(REQUEST, { ...options(), timeout_ms, onWait });
  return { server, clock, waits, told, outcome };
}

test("a request has the form of the Responses API, is not stored there, and its answer is priced", async () => {
  const server = await startModelServer();
  server.script(says({ yes: true }));
  const reply = await server.model({ effort: "low", temperature: 0 }).complete(REQUEST, options());
  expect(reply).toEqual({
    items: [{ type: "answer", text: '{"yes":true}' }],
    end: "answered",
    text: '{"yes":true}',
    usage: { tokens: CALL.tokens, usd: expect.closeTo(CALL.usd, 12) as number },
  });
  const [{ body, headers } = { body: undefined, headers: {} }] = server.calls;
  expect(body).toEqual({
    model: "scripted",
    instructions: "Say yes.",
    input: [
      { role: "user", content: "data" },
      { type: "reasoning", id: "rs_0", summary: [], encrypted_content: "sealed" },
      { type: "function_call", call_id: "c", name: "look", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: "{}" },
      { role: "assistant", content: "maybe" },
    ],
    text: {
      format: { type: "json_schema", name: "yes", schema: REQUEST.answer.schema, strict: true },
    },
    tools: [
      {
        type: "function",
        name: "look",
        description: "Looks.",
        parameters: REQUEST.tools[0]?.parameters,
        strict: true,
      },
    ],
    tool_choice: "auto",
    reasoning: { effort: "low" },
    include: ["reasoning.encrypted_content"],
    temperature: 0,
    max_output_tokens: 777,
    store: false,
  });
  expect(headers).toMatchObject({ authorization: "Bearer test-key", "idempotency-key": "call-1" });
});

test("what is not set is not sent, and a model that has to answer gets no choice of tools", async () => {
  const server = await startModelServer();
  server.script(says("{}"), says("{}"));
  await server.model().complete({ ...REQUEST, may_use_tools: false }, options());
  await server.model().complete({ ...REQUEST, tools: [] }, options());
  expect(
    server.calls.map(({ body }) => [
      body.tool_choice,
      body.reasoning,
      body.include,
      body.temperature,
    ]),
  ).toEqual([
    ["none", undefined, undefined, undefined],
    [undefined, undefined, undefined, undefined],
  ]);
});

const ended = (end: string, text: string) => ({ end, text, items: [{ type: "answer", text }] });

test.each([
  [
    "tool calls, with the reasoning to hand back",
    calls(["look", {}]),
    {
      end: "tool_calls",
      items: [
        {
          type: "kept",
          value: { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "sealed" },
        },
        { type: "tool_call", call_id: "call_0", name: "look", arguments: "{}" },
      ],
      text: "",
    },
  ],
  ["a refusal", refuses("I will not."), ended("refused", "I will not.")],
  ["an answer that was cut off", isCutOff('{"ye'), ended("cut_off", '{"ye')],
])("%s", async (_, answer, expected) => {
  const server = await startModelServer();
  server.script(answer);
  expect(await server.model().complete(REQUEST, options())).toStrictEqual({
    ...expected,
    usage: { tokens: CALL.tokens, usd: CALL.usd },
  });
});

test("a rate limit is waited out for as long as Retry-After says, in seconds, milliseconds or until a date", async () => {
  const date = new Date(1_000_000 + 7_000 + 1_500 + 30_000).toUTCString();
  const { server, waits, outcome } = await throughTime([
    answersWith(429, { "retry-after": "7" }),
    answersWith(429, { "retry-after-ms": "1500" }),
    answersWith(503, { "retry-after": date }),
    says("{}"),
  ]);
  expect(await outcome).toMatchObject({ end: "answered" });
  expect(waits.map((ms) => Math.ceil(ms / 1_000))).toEqual([
    7,
    2,
    expect.closeTo(30, -0.5) as number,
  ]);
  expect(server.calls.map(({ headers }) => headers["idempotency-key"])).toEqual([
    "call-1",
    "call-1",
    "call-1",
    "call-1",
  ]);
});

test("server errors, dropped connections and half answers are tried again, ever later", async () => {
  const { waits, outcome } = await throughTime([
    answersWith(500),
    DROPS,
    DROPS_HALFWAY,
    sendsText('{"output": [{'),
    says("{}"),
  ]);
  expect(await outcome).toMatchObject({ end: "answered" });
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000]);
});

test.each([
  [
    "five failures",
    [answersWith(502), DROPS, fails("server_error"), sendsText("{"), answersWith(500)],
    5,
    /status 500 \(scripted\) \(attempt 5\); try again later/,
  ],
  ["a bad key", [answersWith(401)], 1, /status 401.*check OPENAI_API_KEY/],
  ["no credit left", [answersWith(429, {}, "insufficient_quota")], 1, /insufficient_quota/],
  [
    "a wait longer than ten minutes",
    [answersWith(429, { "retry-after": "3600" })],
    1,
    /status 429/,
  ],
  ["a failed response", [fails("invalid_prompt")], 1, /invalid_prompt/],
])("%s: MODEL_UNAVAILABLE", async (_, script, expectedCalls, message) => {
  const { server, outcome } = await throughTime(script);
  await expect(outcome).rejects.toMatchObject({
    code: "MODEL_UNAVAILABLE",
    retryable: true,
    message: expect.stringMatching(message) as string,
  });
  expect(server.calls).toHaveLength(expectedCalls);
});

test.each([
  ["each", 404, "model_not_found"],
  ["list", 404, null],
] as const)("a model that is gone is MODEL_RETIRED at once (%s)", async (listing, status, code) => {
  const server = await startModelServer();
  server.listing = listing;
  server.models.delete("scripted");
  server.script(answersWith(status, {}, code));
  await expect(server.model().complete(REQUEST, options())).rejects.toMatchObject({
    code: "MODEL_RETIRED",
    retryable: false,
    message: expect.stringMatching(/scripted is not known .*127\.0\.0\.1.*OPENAI_MODEL/) as string,
  });
  expect(server.calls).toHaveLength(1);
});

test.each([
  ["text", { input_tokens: "1000", output_tokens: "200" }, 1_200],
  ["of chat completions", { prompt_tokens: 1_000, completion_tokens: 200 }, 1_200],
  ["nonsense", { input_tokens: "many", output_tokens: -1 }, null],
  ["a number", 7, null],
  ["missing", undefined, null],
])("counts that are %s", async (_, usage, tokens) => {
  const server = await startModelServer();
  server.script(counting(usage, says({ yes: true })));
  const reply = await server.model().complete(REQUEST, options());
  const bytes = JSON.stringify(server.calls[0]?.body).length;
  expect(reply.usage.tokens).toBe(tokens ?? reply.usage.tokens);
  expect(reply.usage.tokens).toBeGreaterThan(Math.min(tokens ?? bytes / 3, bytes / 3) - 1);
  expect(reply.usage.usd).toBeGreaterThan(0);
});

test("what is written to the cache costs its own price", async () => {
  const server = await startModelServer();
  const input_tokens_details = { cached_tokens: 400, cache_write_tokens: 500 };
  server.script(
    counting({ input_tokens: 1_000, input_tokens_details, output_tokens: 200 }, says("{}")),
  );
  const { usage } = await server.model().complete(REQUEST, options());
  expect(usage).toEqual({
    tokens: 1_200,
    usd: expect.closeTo((100 + 400 * 0.5 + 500 * 1.25 + 200 * 10) / 1e6, 12) as number,
  });
});

test("a call without an answer ends at its time limit, and is made once more", async () => {
  const { server, clock, outcome } = await throughTime([HANGS, HANGS], 30_000);
  const failure = outcome.catch((thrown: unknown) => thrown);
  await server.arrived(1);
  clock.advance(30_000);
  await server.arrived(2);
  clock.advance(30_000);
  expect(await failure).toMatchObject({
    code: "MODEL_UNAVAILABLE",
    message: expect.stringMatching(/no answer within 30 s/) as string,
  });
  expect(clock.waiting).toBe(0);
});

test("a wait of minutes is told with what the server said, and its end; one of seconds is not", async () => {
  const { told, outcome } = await throughTime([
    answersWith(429, { "retry-after": "3" }),
    answersWith(429, { "retry-after": "240" }, "rate_limit_exceeded", "40 of 40 requests used"),
    says("{}"),
  ]);
  expect(await outcome).toMatchObject({ end: "answered" });
  expect(told).toEqual([
    {
      reason: expect.stringMatching(
        /^The language model \S+ answered with status 429 \(rate_limit_exceeded: 40 of 40 requests used\)\.$/,
      ) as string,
      until: 1_000_000 + 3_000 + 240_000,
    },
    null,
  ]);
});

test("cancellation ends a call under way, and a wait", async () => {
  const server = await startModelServer();
  server.script(HANGS, answersWith(429, { "retry-after": "60" }));
  const clock = manualClock();
  for (const count of [1, 2]) {
    const stop = new AbortController();
    const failure = server
      .model({ clock })
      .complete(REQUEST, options(stop.signal))
      .catch((thrown: unknown) => thrown);
    await server.arrived(count);
    stop.abort();
    expect(await failure).toMatchObject({ code: "STEP_ABORTED" });
    expect(clock.waiting).toBe(0);
  }
  await expect(
    server.model({ clock }).complete(REQUEST, options(AbortSignal.abort())),
  ).rejects.toMatchObject({ code: "STEP_ABORTED" });
  expect(server.calls).toHaveLength(2);
});
