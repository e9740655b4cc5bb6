import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { expect, onTestFinished } from "vitest";

/** An answer that stays open until it is cut off, or the test ends. */
export async function openAnswer(
  url: string,
  headers: Record<string, string> = {},
): Promise<IncomingMessage> {
  const asking = request(url, { headers });
  asking.end();
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  // It is cut off in the middle, as it should be.
  answer.on("error", () => undefined);
  onTestFinished(() => void answer.destroy());
  expect(answer.statusCode).toBe(200);
  return answer;
}
