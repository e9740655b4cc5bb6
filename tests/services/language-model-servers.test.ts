import { expect, test } from "vitest";
import type { ModelRequest } from "../../services/language-model/index.ts";
import {
  answersWith,
  CALL,
  chats,
  EMBEDDING,
  fails,
  saysAfterComment,
  sendsText,
  startModelServer,
} from "../support/model-server.ts";

/** Servers as people use them: other APIs, other forms of an answer, words of their own. */

const REQUEST: ModelRequest = {
  instructions: "Say yes.",
  items: [
    { type: "data", text: "data" },
    { type: "kept", value: { type: "reasoning", id: "rs_0", summary: [] } },
    { type: "tool_call", call_id: "c", name: "look", arguments: "{}" },
    { type: "tool_result", call_id: "c", output: "{}" },
  ],
  tools: [{ name: "look", description: "Looks.", parameters: { type: "object", properties: {} } }],
  may_use_tools: true,
  answer: { name: "yes", schema: { type: "object", properties: { yes: { type: "boolean" } } } },
  max_output_tokens: 777,
};
const options = { key: "call-1", timeout_ms: 60_000, signal: new AbortController().signal };
const unavailable = (message: RegExp) => ({
  code: "MODEL_UNAVAILABLE",
  message: expect.stringMatching(message) as string,
});

test.each(["each", "list", "none"] as const)(
  "a server without the Responses API is asked by chat completions, from then on (models: %s)",
  async (listing) => {
    const server = await startModelServer();
    server.apis = ["/v1/chat/completions"];
    server.listing = listing;
    server.script(chats({ content: '{"yes":true}' }), chats({ content: '{"yes":false}' }));
    const model = server.model({ effort: "low" });
    expect(await model.complete(REQUEST, options)).toEqual({
      items: [{ type: "answer", text: '{"yes":true}' }],
      end: "answered",
      text: '{"yes":true}',
      usage: { tokens: CALL.tokens, usd: expect.any(Number) as number },
    });
    await model.complete(REQUEST, options);
    expect(server.calls.map(({ path }) => path)).toEqual([
      "/v1/chat/completions",
      "/v1/chat/completions",
    ]);
    expect(server.calls[0]?.body).toEqual({
      model: "scripted",
      messages: [
        { role: "system", content: "Say yes." },
        { role: "user", content: "data" },
        {
          role: "assistant",
          tool_calls: [{ type: "function", id: "c", function: { name: "look", arguments: "{}" } }],
        },
        { role: "tool", tool_call_id: "c", content: "{}" },
      ],
      response_format: {
        type: "json_schema",
        json_schema: { name: "yes", schema: REQUEST.answer.schema, strict: true },
      },
      tools: [
        {
          type: "function",
          function: {
            name: "look",
            description: "Looks.",
            parameters: REQUEST.tools[0]?.parameters,
            strict: true,
          },
        },
      ],
      max_tokens: 777,
    });
  },
);

test.each([
  [
    "tool calls",
    {
      tool_calls: [{ type: "function", id: "t", function: { name: "look", arguments: "{}" } }],
      content: null,
    },
    {},
    "tool_calls",
  ],
  ["a refusal", { refusal: "No." }, {}, "refused"],
  ["a filtered answer", { content: "" }, { finish_reason: "content_filter" }, "refused"],
  ["half an answer", { content: '{"y' }, { finish_reason: "length" }, "cut_off"],
])("%s of chat completions", async (_, message, more, end) => {
  const server = await startModelServer();
  server.apis = ["/v1/chat/completions"];
  server.script(chats(message, more));
  expect((await server.model().complete(REQUEST, options)).end).toBe(end);
});

test("a check tells by which API the server is asked, or that it has none; it costs nothing", async () => {
  const server = await startModelServer();
  const api = async () => (await server.model().check?.(options.signal))?.api;
  expect(await api()).toBe("Responses API");
  server.apis = ["/v1/chat/completions"];
  expect(await api()).toBe("Chat Completions API");
  server.apis = [];
  await expect(api()).rejects.toMatchObject(unavailable(/neither the Responses API nor chat/));
  await expect(server.model().complete(REQUEST, options)).rejects.toMatchObject(
    unavailable(/status 404.*OPENAI_BASE_URL/),
  );
  expect(server.calls).toEqual([]);
});

test("commentary before the answer is no part of it, and goes back as commentary", async () => {
  const server = await startModelServer();
  server.script(saysAfterComment("I look first.", { yes: true }), saysAfterComment("", {}));
  const model = server.model();
  const reply = await model.complete(REQUEST, options);
  expect([reply.end, reply.text]).toEqual(["answered", '{"yes":true}']);
  await model.complete({ ...REQUEST, items: reply.items }, options);
  expect(server.calls[1]?.body.input).toMatchObject([
    { type: "reasoning" },
    { role: "assistant", content: "I look first.", phase: "commentary" },
    { role: "assistant", content: '{"yes":true}', phase: "final_answer" },
  ]);
});

test.each([
  [
    "status 400 with a code and words",
    answersWith(
      400,
      {},
      "context_length_exceeded",
      "The prompt has 300000 tokens. At most 200000 fit.",
    ),
    /status 400 \(context_length_exceeded: The prompt has 300000 tokens; At most 200000 fit\)/,
  ],
  [
    "an effort that the model does not take",
    answersWith(400, {}, "unsupported_value", "'minimal' is not supported."),
    /unsupported_value: 'minimal' is not supported/,
  ],
  ["a code of 200 kB", answersWith(400, {}, "x".repeat(200_000)), /^.{1,200}$/],
  [
    "words of 200 kB with the key in them",
    answersWith(401, {}, null, "sk-secret-1 ".repeat(20_000)),
    /^(?!.*sk-secret-1).{1,600}$/,
  ],
  ["a key in the code", answersWith(401, {}, "sk-secret-1"), /^(?!.*sk-secret-1)/],
  ["a failed response with the key", fails("sk-secret-1"), /^(?!.*sk-secret-1)/],
  [
    "a page of a proxy",
    sendsText('"<html>Sign in</html>"'),
    /not of the (Responses )?API \(attempt 1\)/,
  ],
  ["null", sendsText("null"), /not of the API \(attempt 1\)/],
  ["another API", sendsText('{"choices":[]}'), /not of the Responses API \(attempt 1\)/],
])(
  "%s is told in the server's words, bounded, without secrets, and once",
  async (_, answer, said) => {
    const server = await startModelServer();
    server.script(answer);
    const model = server.model({ redact: (text) => text.replaceAll("sk-secret-1", "(hidden)") });
    await expect(model.complete(REQUEST, options)).rejects.toMatchObject(unavailable(said));
    expect(server.calls).toHaveLength(1);
  },
);

test("a filter of the server is a refusal", async () => {
  const server = await startModelServer();
  server.script(answersWith(400, {}, "content_filter", "The response was filtered."));
  await expect(server.model().complete(REQUEST, options)).rejects.toMatchObject({
    code: "MODEL_REFUSED",
    message: expect.stringContaining("The response was filtered") as string,
  });
});

test("embeddings that are none are told at once", async () => {
  const server = await startModelServer();
  server.scriptEmbeddings(sendsText('{"data":[null]}'), sendsText("null"));
  const { embedding } = server.model({ embedding: EMBEDDING });
  for (let call = 1; call <= 2; call++)
    await expect(embedding?.embed(["a"], options)).rejects.toMatchObject(
      unavailable(/not of the (Embeddings )?API \(attempt 1\)/),
    );
});

test("a query in the address goes with every request", async () => {
  const server = await startModelServer();
  server.script(saysAfterComment("", {}));
  const model = server.model({ baseURL: `${server.baseURL}/?api-version=preview` });
  await model.complete(REQUEST, options);
  expect(server.calls[0]?.path).toBe("/v1/responses?api-version=preview");
});
