import type { JSX } from "preact";
import type { Refused } from "../each-apart.ts";

const SHOWN = 5;

/** The first of what was refused, each with its reason. */
export function Refusals({ refused }: { readonly refused: readonly Refused[] }): JSX.Element {
  return (
    <ul>
      {refused.slice(0, SHOWN).map(({ name, refusal }, place) => (
        <li key={place}>
          {name}: {refusal.message}
        </li>
      ))}
      {refused.length > SHOWN && <li>and {refused.length - SHOWN} more</li>}
    </ul>
  );
}
