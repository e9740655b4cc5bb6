/** What guards and actions take from the event that ends a step or a child machine. */

interface Done<Output> {
  readonly event: { readonly output: Output };
}

export const outputOf = <Output>({ event }: Done<Output>): Output => event.output;

export const errorOf = ({
  event,
}: {
  readonly event: { readonly error: unknown };
}): { readonly error: unknown } => ({ error: event.error });
