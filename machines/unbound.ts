import { fromPromise } from "xstate";

/**
 * A typed placeholder for a step. Bound by `.provide()` in actors/; a forgotten one fails loudly by
 * name.
 */
export function unbound<Output, Input>(
  name: string,
): ReturnType<typeof fromPromise<Output, Input>> {
  return fromPromise<Output, Input>(() =>
    Promise.reject(new Error(`The step "${name}" is not bound to an effect.`)),
  );
}
