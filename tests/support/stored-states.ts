import type { StateValue } from "xstate";
import type { Persisted } from "./persisted-steps.ts";

function statesOf(value: StateValue, outer = ""): string[] {
  if (typeof value === "string") return [outer + value];
  return Object.entries(value).flatMap(([key, inner]) => [
    outer + key,
    ...(inner === undefined || (typeof inner === "object" && Object.keys(inner).length === 0)
      ? []
      : statesOf(inner, `${outer}${key}.`)),
  ]);
}

/** What a stored snapshot says of each machine in it. */
export function storedStates(
  { value, children }: Persisted,
  name = "run",
): (readonly [string, string[]])[] {
  if (value === undefined) return [];
  return [
    [name, statesOf(value).toSorted()] as const,
    ...Object.entries(children ?? {}).flatMap(([id, { snapshot }]) =>
      storedStates(snapshot, name === "run" ? id : `${name}.${id}`),
    ),
  ];
}
