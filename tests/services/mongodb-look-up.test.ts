import { expect, test } from "vitest";
import { toStoreError } from "../../services/runs/mongodb/errors.ts";

const lookUp = (code: string, syscall: string): Error =>
  Object.assign(new Error(`${syscall} ${code} _mongodb._tcp.cluster.example.net`), {
    code,
    syscall,
    errno: undefined,
    hostname: "_mongodb._tcp.cluster.example.net",
  });

test.each([
  ["ENOTFOUND", "querySrv", "there is no machine of that name"],
  ["ESERVFAIL", "querySrv", "the name server failed to look it up"],
  ["ETIMEOUT", "querySrv", "the name server does not answer"],
  ["EREFUSED", "querySrv", "the name server refuses to look it up"],
  ["ENODATA", "queryTxt", "its name has no entry of that kind"],
  ["ECONNREFUSED", "querySrv", "nothing listens there"],
  ["EAI_AGAIN", "getaddrinfo", "its name cannot be looked up at the moment"],
  ["EOTHER", "querySrv", "its name cannot be looked up"],
])(
  "a name that cannot be looked up (%s of %s) is no fault of ours, and may pass",
  (code, syscall, why) => {
    expect(toStoreError(lookUp(code, syscall))).toMatchObject({
      code: "STORE_UNAVAILABLE",
      retryable: true,
      message: `The MongoDB server cannot be used (${why}); check MONGODB_URI, and that the server is running and reachable.`,
    });
  },
);

test("what is no look-up stays what it is", () => {
  expect(toStoreError(new TypeError("x is not a function"))).toMatchObject({ code: "INTERNAL" });
});
