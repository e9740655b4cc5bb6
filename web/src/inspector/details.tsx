import { Fragment, type JSX } from "preact";
import type { Chosen } from "./chart.tsx";
import { type Arrow, nodesOf, type StateNode } from "./states.ts";

const KINDS: Readonly<Record<string, string>> = {
  atomic: "a state",
  compound: "a state of states, one of which it is in",
  parallel: "a state of regions, all of which it is in",
  final: "an end",
  history: "a return to where it was",
};

const called = (path: string): string => (path === "" || path === "(any)" ? "any state" : path);

const facts = ({
  event,
  guard,
  actions,
  target,
}: Arrow): readonly (readonly [string, string])[] => [
  ["Event", event],
  ["Guard", guard === "" ? "none" : guard],
  ["Actions", actions === "" ? "none" : actions],
  ["Target", target === "" ? "none: it stays where it is" : target],
];

/** What is chosen of a chart: a transition with its guard and actions, or a state with all of its. */
export function Details({
  actor,
  machine,
  chosen,
}: {
  readonly actor: string;
  readonly machine: StateNode;
  readonly chosen: Chosen;
}): JSX.Element | null {
  const node = nodesOf(machine).get(chosen.path);
  if (node === undefined) return null;
  const arrow = chosen.at === undefined ? undefined : node.transitions[chosen.at];
  return (
    <section class="card details" aria-live="polite" aria-label="What is chosen">
      {arrow === undefined ? (
        <StateDetails actor={actor} path={chosen.path} node={node} />
      ) : (
        <>
          <h3>
            {actor}: from {called(chosen.path)} on {arrow.event}
          </h3>
          <dl class="facts">
            {facts(arrow).map(([name, value]) => (
              <Fragment key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </Fragment>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}

function StateDetails({
  actor,
  path,
  node,
}: {
  readonly actor: string;
  readonly path: string;
  readonly node: StateNode;
}): JSX.Element {
  return (
    <>
      <h3>
        {actor}: {path === "" ? "the machine" : path}
      </h3>
      <p>
        It is {KINDS[node.type] ?? node.type}.
        {node.initial !== null && ` It begins in ${node.initial}.`}
        {node.entry.length > 0 && ` On entry: ${node.entry.join(", ")}.`}
        {node.invokes.length > 0 &&
          ` While it lasts: ${node.invokes.map(({ id, source }) => (id === source ? id : `${id} (${source})`)).join(", ")}.`}
      </p>
      {node.transitions.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Its transitions">
          <table>
            <thead>
              <tr>
                {["Event", "Guard", "Actions", "Target"].map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {node.transitions.map((arrow, place) => (
                <tr key={place}>
                  {facts(arrow).map(([name, value]) => (
                    <td key={name}>{value}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
