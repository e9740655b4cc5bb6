import ELK, {
  type ElkExtendedEdge,
  type ElkLabel,
  type ElkNode,
  type ElkPoint,
} from "elkjs/lib/elk.bundled.js";
import { type Arrow, nodesOf, type StateNode } from "./states.ts";

/** Lays a statechart out. It comes with the layout library, so it is loaded when a chart is looked at. */

export interface Box {
  readonly path: string;
  readonly node: StateNode;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Of its transitions that lead nowhere: they act and stay. */
  readonly inner: readonly { readonly at: number; readonly text: string; readonly y: number }[];
  /** What it does on entry and invokes. */
  readonly lines: readonly { readonly text: string; readonly y: number }[];
}

export interface Line {
  /** Where it begins; undefined for the point of a compound state's beginning. */
  readonly from: string;
  readonly to: string;
  /** Its place among the transitions of the state where it begins; -1 for a beginning. */
  readonly at: number;
  readonly text: string;
  readonly points: readonly ElkPoint[];
  readonly label: { readonly x: number; readonly y: number; readonly width: number } | undefined;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Outer ones first. */
  readonly boxes: readonly Box[];
  readonly dots: readonly ElkPoint[];
  readonly lines: readonly Line[];
}

/** In units of the drawing; the style of the chart has the same. */
const TEXT = 12;
const LINE = 17;
const TITLE = 26;
const PAD = 12;
const DOT = 10;
const FAMILY = "system-ui, 'Liberation Sans', sans-serif";

const OPTIONS = {
  "elk.algorithm": "layered",
  "elk.direction": "DOWN",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.json.shapeCoords": "ROOT",
  "elk.json.edgeCoords": "ROOT",
  "elk.layered.cycleBreaking.strategy": "DEPTH_FIRST",
  "elk.layered.feedbackEdges": "true",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
  "elk.spacing.edgeNode": "18",
  "elk.spacing.edgeEdge": "14",
  "elk.spacing.nodeNode": "34",
  "elk.spacing.edgeLabel": "4",
  "elk.layered.spacing.nodeNodeBetweenLayers": "30",
  "elk.layered.spacing.edgeNodeBetweenLayers": "18",
};

/** `event [guard]`, as UML writes a transition; what it does is told when it is chosen. */
const arrowText = ({ event, guard }: Arrow): string =>
  guard === "" ? event : `${event} [${guard}]`;

const leadsOn = ({ target }: Arrow): boolean => target !== "";

function widthOf(): (text: string, isBold?: boolean) => number {
  const context = document.createElement("canvas").getContext("2d");
  return (text, isBold = false) => {
    if (context === null) return text.length * TEXT * 0.6;
    context.font = `${isBold ? "600 13px" : `${TEXT}px`} ${FAMILY}`;
    return Math.ceil(context.measureText(text).width) + 2;
  };
}

const idOf = (path: string): string => `state ${path}`;

interface Drawn {
  readonly lines: string[];
  readonly inner: { readonly at: number; readonly text: string }[];
}

const drawnOf = (node: StateNode): Drawn => ({
  lines: [
    ...node.entry.map((action) => `entry / ${action}`),
    ...node.invokes.map(({ id, source }) => `do / ${id === source ? id : `${id} (${source})`}`),
  ],
  inner: node.transitions.flatMap((arrow, at) =>
    leadsOn(arrow)
      ? []
      : [{ at, text: `${arrowText(arrow)}${arrow.actions === "" ? "" : ` / ${arrow.actions}`}` }],
  ),
});

export async function layOut(machine: StateNode): Promise<Layout> {
  const measure = widthOf();
  const nodes = nodesOf(machine);
  const drawn = new Map([...nodes].map(([path, node]) => [path, drawnOf(node)]));
  const edges: (ElkExtendedEdge & { readonly line: Omit<Line, "points" | "label"> })[] = [];
  const link = (line: Omit<Line, "points" | "label">, from: string, to: string): void => {
    const labels: ElkLabel[] =
      line.text === ""
        ? []
        : [{ text: line.text, width: measure(line.text) + 8, height: LINE + 2 }];
    edges.push({
      id: `edge ${edges.length}`,
      sources: [from],
      targets: [to],
      labels,
      line,
    });
  };

  const graphOf = (node: StateNode, path: string): ElkNode => {
    const { lines, inner } = drawn.get(path) ?? { lines: [], inner: [] };
    const name = node.key === machine.key && path === "" ? `${node.key} (machine)` : node.key;
    const width =
      2 * PAD +
      Math.max(
        measure(name, true) + (node.type === "parallel" ? measure(" parallel") : 0),
        ...[...lines, ...inner.map(({ text }) => text)].map((text) => measure(text)),
      );
    const top =
      TITLE + (lines.length + inner.length) * LINE + (lines.length + inner.length > 0 ? 8 : 0);
    node.transitions.forEach((arrow, at) => {
      if (!leadsOn(arrow)) return;
      for (const target of arrow.target.split(", "))
        link({ from: path, to: target, at, text: arrowText(arrow) }, idOf(path), idOf(target));
    });
    if (node.states.length === 0) return { id: idOf(path), width, height: top };
    const children = node.states.map((child) =>
      graphOf(child, path === "" ? child.key : `${path}.${child.key}`),
    );
    if (node.initial !== null) {
      const to = path === "" ? node.initial : `${path}.${node.initial}`;
      children.unshift({ id: `dot ${path}`, width: DOT, height: DOT });
      link({ from: path, to, at: -1, text: "" }, `dot ${path}`, idOf(to));
    }
    return {
      id: idOf(path),
      children,
      layoutOptions: {
        ...OPTIONS,
        "elk.padding": `[top=${top + PAD},left=${PAD + 4},bottom=${PAD + 4},right=${PAD + 4}]`,
        "elk.nodeSize.constraints": "[MINIMUM_SIZE]",
        "elk.nodeSize.minimum": `(${width},${top})`,
      },
    };
  };

  const graph: ElkNode = {
    id: "chart",
    layoutOptions: { ...OPTIONS, "elk.padding": "[top=2,left=2,bottom=2,right=2]" },
    children: [graphOf(machine, "")],
    edges,
  };
  const placed = await new ELK().layout(graph);
  return readOff(placed, nodes, drawn);
}

function readOff(
  placed: ElkNode,
  nodes: ReadonlyMap<string, StateNode>,
  drawn: ReadonlyMap<string, Drawn>,
): Layout {
  const boxes: Box[] = [];
  const dots: ElkPoint[] = [];
  const walk = ({ id, x = 0, y = 0, width = 0, height = 0, children = [] }: ElkNode): void => {
    if (id.startsWith("dot ")) dots.push({ x: x + width / 2, y: y + height / 2 });
    const path = id.slice("state ".length);
    const node = id.startsWith("state ") ? nodes.get(path) : undefined;
    if (node !== undefined) {
      const { lines, inner } = drawn.get(path) ?? { lines: [], inner: [] };
      const lineY = (place: number): number => y + TITLE + 2 + (place + 0.75) * LINE;
      boxes.push({
        path,
        node,
        x,
        y,
        width,
        height,
        lines: lines.map((text, place) => ({ text, y: lineY(place) })),
        inner: inner.map((each, place) => ({ ...each, y: lineY(lines.length + place) })),
      });
    }
    for (const child of children) walk(child);
  };
  for (const child of placed.children ?? []) walk(child);
  const lines = (placed.edges ?? []).map((edge): Line => {
    const { line } = edge as ElkExtendedEdge & { readonly line: Omit<Line, "points" | "label"> };
    const label = edge.labels?.[0];
    return {
      ...line,
      points: (edge.sections ?? []).flatMap(({ startPoint, bendPoints = [], endPoint }) => [
        startPoint,
        ...bendPoints,
        endPoint,
      ]),
      label:
        label === undefined
          ? undefined
          : { x: label.x ?? 0, y: label.y ?? 0, width: label.width ?? 0 },
    };
  });
  return { width: placed.width ?? 0, height: placed.height ?? 0, boxes, dots, lines };
}
