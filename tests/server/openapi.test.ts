import { expect, test } from "vitest";
import { describeWithPython, runPython } from "../support/python.ts";
import { startTestServer } from "../support/server.ts";

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly security: readonly object[];
  readonly responses: Readonly<Record<string, { readonly content?: object }>>;
}
interface Description {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly securitySchemes: Readonly<Record<string, object>>;
    readonly schemas: Readonly<Record<string, object>>;
  };
}

async function description(env: Record<string, string>): Promise<Description> {
  const { url } = await startTestServer({ env });
  return (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as Description;
}

test("every operation has an id of its own, a summary, its errors, and says who may ask", async () => {
  const { openapi, paths, components } = await description({ AUTH: "token" });
  expect(openapi).toMatch(/^3\.1\./);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method} ${path}`,
      ...operation,
    })),
  );
  expect(operations.length).toBeGreaterThan(10);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  for (const { name, summary, responses, security } of operations) {
    expect([name, summary]).toEqual([name, expect.stringMatching(/\w/)]);
    expect([name, Object.keys(responses)]).toEqual([name, expect.arrayContaining(["4XX", "5XX"])]);
    expect([name, security]).toEqual([name, expect.toBeOneOf([[], [{ bearer: [] }]])]);
  }
  expect(operations.filter(({ security }) => security.length > 0).length).toBeGreaterThan(10);
  expect(components.securitySchemes).toStrictEqual({
    bearer: {
      type: "http",
      scheme: "bearer",
      description: "A token created with `haystack token create`",
    },
  });
  expect(components.schemas).toHaveProperty("Error");
});

test("the description names the way of signing in that is configured", async () => {
  expect(
    (await description({ AUTH: "iap", IAP_AUDIENCE: "/projects/1/global/backendServices/2" }))
      .components.securitySchemes,
  ).toStrictEqual({
    iap: {
      type: "apiKey",
      description: "Set by Google's Identity-Aware Proxy",
      in: "header",
      name: "x-goog-iap-jwt-assertion",
    },
  });
  expect((await description({})).components.securitySchemes).toEqual({});
});

const VALIDATE = `
import json, sys
from openapi_spec_validator import OpenAPIV31SpecValidator
print(json.dumps([str(error.message) for error in OpenAPIV31SpecValidator(json.loads(sys.argv[1])).iter_errors()]))
`;

describeWithPython("by OpenAPI's own rules", () => {
  test("the description is valid, and a broken one is not", async () => {
    const given = await description({ AUTH: "token" });
    expect(await runPython<string[]>(VALIDATE, given)).toEqual([]);
    expect(await runPython<string[]>(VALIDATE, { ...given, info: {} })).not.toEqual([]);
  });
});
