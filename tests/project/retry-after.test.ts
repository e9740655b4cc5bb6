import { expect, onTestFinished, test } from "vitest";
import { retryAfter } from "../../retry-after.ts";

const NOW = Date.UTC(2026, 0, 15, 12, 0, 0);
const DAY = 86_400_000;

test.each([
  ["no header", {}, null],
  ["nothing", { "retry-after": "" }, null],
  ["seconds", { "retry-after": "7" }, 7_000],
  ["no time at all", { "retry-after": "0" }, 0],
  ["parts of a second", { "retry-after": "1.5" }, 1_500],
  ["hundredths of a second", { "retry-after": "1.25" }, 1_250],
  ["space around", { "retry-after": " 7 " }, 7_000],
  ["a date to come", { "retry-after": "Thu, 15 Jan 2026 12:01:30 GMT" }, 90_000],
  ["the present moment", { "retry-after": "Thu, 15 Jan 2026 12:00:00 GMT" }, 0],
  ["a date long past", { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }, 0],
  ["an older form of a date", { "retry-after": "Thursday, 15-Jan-26 12:00:10 GMT" }, 10_000],
  ["the oldest form of a date", { "retry-after": "Thu Jan 15 12:00:10 2026" }, 10_000],
  ["a day of one digit in it", { "retry-after": "Thu Jan  1 12:00:10 2026" }, 0],
  ["milliseconds", { "retry-after-ms": "1500" }, 1_500],
  ["milliseconds before seconds", { "retry-after-ms": "1500", "retry-after": "7" }, 1_500],
  ["milliseconds that are none", { "retry-after-ms": "soon", "retry-after": "7" }, 7_000],
  ["a negative pause", { "retry-after": "-5" }, 0],
  ["negative milliseconds", { "retry-after-ms": "-5" }, 0],
  ["a year of seconds", { "retry-after": "31536000" }, DAY],
  ["more digits than a number holds", { "retry-after": "9".repeat(400) }, DAY],
  ["a date in another century", { "retry-after": "Fri, 31 Dec 2999 23:59:59 GMT" }, DAY],
  ["a date of another zone", { "retry-after": "Thu, 15 Jan 2026 14:00:10 +0200" }, 10_000],
  ["a date within a sentence", { "retry-after": "On Thu, 15 Jan 2026 12:01:30 GMT" }, null],
  ["a word", { "retry-after": "soon" }, null],
  ["a number in words of a programming language", { "retry-after": "1e3" }, null],
  ["hexadecimal", { "retry-after": "0x10" }, null],
  ["infinity", { "retry-after": "Infinity" }, null],
  ["two values", { "retry-after": "5, 10" }, null],
  ["a date that is none", { "retry-after": "Thu, 99 Foo 2026 12:00:00 GMT" }, null],
])("%s", (_, headers, wait) => {
  expect(retryAfter(new Headers(headers), NOW)).toBe(wait);
});

test.each(["America/New_York", "Asia/Tokyo"])(
  "every form of a date is in GMT, wherever the machine is: %s",
  (zone) => {
    const before = process.env["TZ"];
    process.env["TZ"] = zone;
    onTestFinished(() => {
      if (before === undefined) delete process.env["TZ"];
      else process.env["TZ"] = before;
    });
    expect(new Date(NOW).getHours()).not.toBe(12);
    for (const date of [
      "Thu, 15 Jan 2026 12:00:10 GMT",
      "Thursday, 15-Jan-26 12:00:10 GMT",
      "Thu Jan 15 12:00:10 2026",
    ])
      expect([date, retryAfter(new Headers({ "retry-after": date }), NOW)]).toEqual([date, 10_000]);
  },
);

test("an answer that never came asks for nothing", () => {
  expect(retryAfter(undefined, NOW)).toBeNull();
});
