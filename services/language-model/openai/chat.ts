import type {
  ChatCompletion,
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionMessageParam,
} from "openai/resources/chat/completions";
import type { ModelItem, ModelPrice, ModelReply, ModelRequest } from "../index.ts";
import type { OpenAIOptions } from "./options.ts";
import { usageOf } from "./usage.ts";

/**
 * The port's words in those of chat completions, and back: for servers without the Responses API.
 * Reasoning is not handed back, and no effort is asked for, as servers name it differently.
 */

export function chatBodyOf(
  { instructions, items, tools, may_use_tools, answer, max_output_tokens }: ModelRequest,
  { model, temperature }: OpenAIOptions,
): ChatCompletionCreateParamsNonStreaming {
  return {
    model,
    messages: [{ role: "system", content: instructions }, ...items.flatMap(messageOf)],
    response_format: {
      type: "json_schema",
      json_schema: { name: answer.name, schema: answer.schema, strict: true },
    },
    ...(tools.length === 0 || !may_use_tools
      ? {}
      : {
          tools: tools.map(({ name, description, parameters }) => ({
            type: "function" as const,
            function: { name, description, parameters, strict: true },
          })),
        }),
    ...(temperature === null ? {} : { temperature }),
    max_tokens: max_output_tokens,
  };
}

function messageOf(item: ModelItem): ChatCompletionMessageParam[] {
  switch (item.type) {
    case "data":
      return [{ role: "user", content: item.text }];
    case "answer":
      return [{ role: "assistant", content: item.text }];
    case "tool_call":
      return [
        {
          role: "assistant",
          tool_calls: [
            {
              type: "function",
              id: item.call_id,
              function: { name: item.name, arguments: item.arguments },
            },
          ],
        },
      ];
    case "tool_result":
      return [{ role: "tool", tool_call_id: item.call_id, content: item.output }];
    default:
      return [];
  }
}

export function chatReplyOf(
  { choices, usage }: ChatCompletion,
  sent: ChatCompletionCreateParamsNonStreaming,
  price: ModelPrice,
): ModelReply {
  const [choice] = choices;
  const message = choice?.message;
  const content = message?.content ?? "";
  const called = (message?.tool_calls ?? []).flatMap((call): ModelItem[] =>
    call.type === "function"
      ? [
          {
            type: "tool_call",
            call_id: call.id,
            name: call.function.name,
            arguments: call.function.arguments,
          },
        ]
      : [],
  );
  const refusal = message?.refusal ?? null;
  const end =
    refusal !== null || choice?.finish_reason === "content_filter"
      ? "refused"
      : choice?.finish_reason === "length"
        ? "cut_off"
        : called.length > 0
          ? "tool_calls"
          : "answered";
  const text = refusal ?? content;
  return {
    items: [...(text === "" ? [] : [{ type: "answer" as const, text }]), ...called],
    end,
    text,
    usage: usageOf(usage, { sent, received: choices }, price),
  };
}
