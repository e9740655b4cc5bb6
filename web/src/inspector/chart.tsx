import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Refusal } from "../api/client.ts";
import { refusalOf } from "../loading.ts";
import { Notice } from "../parts/notice.tsx";
import type { Box, Layout, Line } from "./layout.ts";
import type { StateNode } from "./states.ts";

/** What of a chart is chosen: a state, or the transition at that place of it. */
export interface Chosen {
  readonly path: string;
  readonly at: number | undefined;
}

const layouts = new Map<StateNode, Promise<Layout>>();

/** Actors of one machine share its layout. */
function layoutOf(machine: StateNode): Promise<Layout> {
  const known = layouts.get(machine);
  if (known !== undefined) return known;
  const made = import("./layout.ts").then(({ layOut }) => layOut(machine));
  layouts.set(machine, made);
  made.catch(() => layouts.delete(machine));
  return made;
}

interface Choosing {
  readonly chosen: Chosen | undefined;
  readonly onChoose: (chosen: Chosen) => void;
}

/** What is chosen like a button, by pointer and by key. */
const choice = ({ chosen, onChoose }: Choosing, path: string, at: number | undefined) => {
  const isChosen = chosen?.path === path && chosen.at === at;
  return {
    role: "button" as const,
    // Of an SVG element the attribute is meant as it is written.
    tabindex: 0,
    "aria-pressed": isChosen,
    onClick: () => onChoose({ path, at }),
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      onChoose({ path, at });
    },
  };
};

const ROUND = 6;

/** Right angles with round corners. */
function pathOf(points: Line["points"]): string {
  return points
    .map(({ x, y }, place) => {
      const [before, after] = [points[place - 1], points[place + 1]];
      if (before === undefined) return `M${x} ${y}`;
      if (after === undefined) return `L${x} ${y}`;
      const toward = (other: { readonly x: number; readonly y: number }): string => {
        const far = Math.hypot(other.x - x, other.y - y);
        const share = far === 0 ? 0 : Math.min(ROUND, far / 2) / far;
        return `${x + (other.x - x) * share} ${y + (other.y - y) * share}`;
      };
      return `L${toward(before)}Q${x} ${y} ${toward(after)}`;
    })
    .join("");
}

function State({
  box: { path, node, x, y, width, height, lines, inner },
  isLit,
  choosing,
}: {
  readonly box: Box;
  readonly isLit: boolean;
  readonly choosing: Choosing;
}): JSX.Element {
  return (
    <g
      class={`state ${node.type}${isLit ? " lit" : ""}${path === "" ? " machine" : ""}`}
      data-path={path}
    >
      <rect class="body" x={x} y={y} width={width} height={height} rx={8} />
      {node.type === "final" && (
        <rect class="body" x={x + 3} y={y + 3} width={width - 6} height={height - 6} rx={6} />
      )}
      <g
        class="title"
        {...choice(choosing, path, undefined)}
        aria-current={isLit ? "true" : undefined}
      >
        <rect x={x + 1} y={y + 1} width={width - 2} height={24} rx={7} />
        <text x={x + 12} y={y + 18}>
          {node.key}
          {path === "" && <tspan class="kind"> (machine)</tspan>}
          {node.type === "parallel" && <tspan class="kind"> parallel</tspan>}
        </text>
      </g>
      {lines.map(({ text, y: at }) => (
        <text key={text} class="line" x={x + 12} y={at}>
          {text}
        </text>
      ))}
      {inner.map(({ at, text, y: line }) => (
        <g key={at} class="inner" data-at={at} {...choice(choosing, path, at)}>
          <rect x={x + 6} y={line - 13} width={width - 12} height={17} rx={4} />
          <text x={x + 12} y={line}>
            {text}
          </text>
        </g>
      ))}
    </g>
  );
}

const Arrow = ({
  line: { from, to, at, text, points, label },
  head,
  choosing,
}: {
  readonly line: Line;
  readonly head: string;
  readonly choosing: Choosing;
}): JSX.Element => (
  <g
    class={`arrow${choosing.chosen?.path === from && choosing.chosen.at === at ? " is-chosen" : ""}`}
    data-from={from}
    data-to={to}
    data-at={at}
  >
    <path d={pathOf(points)} marker-end={`url(#${head})`} />
    {label !== undefined && (
      <g {...choice(choosing, from, at)}>
        <rect x={label.x} y={label.y} width={label.width} height={18} rx={4} />
        <text x={label.x + 4} y={label.y + 13}>
          {text}
        </text>
      </g>
    )}
  </g>
);

/** A statechart with the states that are lit. Its parts are chosen by pointer or key. */
export function Chart({
  name,
  machine,
  lit,
  size,
  chosen,
  onChoose,
}: Choosing & {
  readonly name: string;
  readonly machine: StateNode;
  readonly lit: readonly string[];
  /** 1 is the size of text around it. */
  readonly size: number;
}): JSX.Element {
  const [layout, setLayout] = useState<Layout>();
  const [refusal, setRefusal] = useState<Refusal>();
  useEffect(() => {
    let isOver = false;
    layoutOf(machine)
      .then((made) => (isOver ? undefined : setLayout(made)))
      .catch((thrown: unknown) => (isOver ? undefined : setRefusal(refusalOf(thrown))));
    return () => {
      isOver = true;
    };
  }, [machine]);
  const isLit = new Set(lit);
  const place = useRef<HTMLDivElement>(null);
  const innermost = layout?.boxes.findLast(({ path }) => isLit.has(path));
  // What has just begun is in sight.
  useEffect(() => {
    const region = place.current;
    if (region === null || innermost === undefined) return;
    region.scrollTo(
      (innermost.x + innermost.width / 2) * size - region.clientWidth / 2,
      (innermost.y + innermost.height / 2) * size - region.clientHeight / 2,
    );
  }, [innermost, size]);
  if (refusal !== undefined)
    return (
      <Notice kind="bad" title="The chart cannot be laid out.">
        {refusal.message}
      </Notice>
    );
  if (layout === undefined) return <p class="waiting">Laying the chart out …</p>;
  const choosing = { chosen, onChoose };
  const head = `head-${name}`;
  return (
    <div
      ref={place}
      class="scroll chart"
      tabIndex={0}
      role="region"
      aria-label={`Statechart of ${name}`}
    >
      <svg
        role="group"
        aria-label={`States of ${name}`}
        data-actor={name}
        viewBox={`0 0 ${layout.width} ${layout.height}`}
        width={layout.width * size}
        height={layout.height * size}
      >
        <defs>
          <marker
            id={head}
            viewBox="0 0 10 10"
            refX={9}
            refY={5}
            markerWidth={8}
            markerHeight={8}
            orient="auto-start-reverse"
          >
            <path d="M0 0L10 5L0 10z" />
          </marker>
        </defs>
        {layout.boxes.map((box) => (
          <State key={box.path} box={box} isLit={isLit.has(box.path)} choosing={choosing} />
        ))}
        {layout.dots.map(({ x, y }) => (
          <circle key={`${x} ${y}`} class="dot" cx={x} cy={y} r={5} />
        ))}
        {layout.lines.map((line) => (
          <Arrow
            key={`${line.from} ${line.at} ${line.to}`}
            line={line}
            head={head}
            choosing={choosing}
          />
        ))}
      </svg>
    </div>
  );
}
