import { MongoServerError } from "mongodb";
import { expect, test } from "vitest";
import { isRefusedWrite, toStoreError } from "../../services/runs/mongodb/errors.ts";

const answer = (code: number, errmsg: string): MongoServerError =>
  new MongoServerError({ code, errmsg });

test.each([
  [14_031, "available disk space of 4096 bytes is less than required minimum of 524288000"],
  [371, "User writes blocked"],
  [8_000, "you are over your space quota, using 516 MB of 512 MB"],
  [264, "Too many open files"],
  [462, "Ingress request rate limit exceeded"],
  [112, "WriteConflict error: this operation conflicted with another operation"],
  [11_601, "operation was interrupted"],
])(
  "what is wrong with the server (%i) is no refusal of a run: it is tried again",
  (code, message) => {
    expect(isRefusedWrite(answer(code, message))).toBe(false);
    expect(toStoreError(answer(code, message))).toMatchObject({
      code: "STORE_UNAVAILABLE",
      retryable: true,
    });
  },
);

test.each([
  [2, "The field 'history' must be an array but is of type string"],
  [28, "Cannot create field 'token' in element {lease: null}"],
  [66, "Performing an update on the path '_id' would modify the immutable field '_id'"],
  [121, "Document failed validation"],
  [10_334, "BSONObj size: 16800000 (0x1005900) is invalid. Size must be between 0 and 16793600"],
  [17_419, "Resulting document after update is larger than 16777216"],
])("what is wrong with one document (%i) is its refusal", (code, message) => {
  expect(isRefusedWrite(answer(code, message))).toBe(true);
});
