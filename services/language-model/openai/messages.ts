import type {
  Response,
  ResponseCreateParamsNonStreaming,
  ResponseInputItem,
  ResponseOutputItem,
} from "openai/resources/responses/responses";
import type { ModelItem, ModelPrice, ModelReply, ModelRequest } from "../index.ts";
import type { OpenAIOptions } from "./options.ts";
import { usageOf } from "./usage.ts";

/** The port's words in those of the Responses API, and back. */

export function bodyOf(
  { instructions, items, tools, may_use_tools, answer, max_output_tokens }: ModelRequest,
  { model, effort, temperature }: OpenAIOptions,
): ResponseCreateParamsNonStreaming {
  return {
    model,
    instructions,
    input: items.map(inputOf),
    text: {
      format: { type: "json_schema", name: answer.name, schema: answer.schema, strict: true },
    },
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, parameters }) => ({
            type: "function" as const,
            name,
            description,
            parameters,
            strict: true,
          })),
          tool_choice: may_use_tools ? ("auto" as const) : ("none" as const),
        }),
    ...(effort === null ? {} : { reasoning: { effort }, include: ["reasoning.encrypted_content"] }),
    ...(temperature === null ? {} : { temperature }),
    max_output_tokens,
    store: false,
  };
}

function inputOf(item: ModelItem): ResponseInputItem {
  switch (item.type) {
    case "data":
      return { role: "user", content: item.text };
    case "answer":
      return {
        role: "assistant",
        content: item.text,
        ...(item.phase === undefined ? {} : { phase: item.phase }),
      };
    case "tool_call":
      return {
        type: "function_call",
        call_id: item.call_id,
        name: item.name,
        arguments: item.arguments,
      };
    case "tool_result":
      return { type: "function_call_output", call_id: item.call_id, output: item.output };
    default:
      return item.value as ResponseInputItem;
  }
}

/** Reasoning can be handed back only in its encrypted form, as nothing is stored. */
function itemOf(item: ResponseOutputItem): ModelItem[] {
  if (item.type === "function_call")
    return [
      { type: "tool_call", call_id: item.call_id, name: item.name, arguments: item.arguments },
    ];
  if (item.type === "reasoning")
    return item.encrypted_content == null ? [] : [{ type: "kept", value: item }];
  if (item.type !== "message") return [];
  const text = item.content
    .map((part) => (part.type === "refusal" ? part.refusal : part.text))
    .join("");
  return [{ type: "answer", text, ...(item.phase == null ? {} : { phase: item.phase }) }];
}

export function replyOf(
  response: Response,
  sent: ResponseCreateParamsNonStreaming,
  price: ModelPrice,
): ModelReply {
  const items = response.output.flatMap(itemOf);
  const refused =
    response.output.some(
      (item) => item.type === "message" && item.content.some(({ type }) => type === "refusal"),
    ) || response.incomplete_details?.reason === "content_filter";
  const called = items.some(({ type }) => type === "tool_call");
  const end = refused
    ? "refused"
    : response.status === "incomplete"
      ? "cut_off"
      : called
        ? "tool_calls"
        : "answered";
  return {
    items,
    end,
    text: items
      .flatMap((item) => (item.type === "answer" && item.phase !== "commentary" ? [item.text] : []))
      .join(""),
    usage: usageOf(response.usage, { sent, received: response.output }, price),
  };
}
