import { parse, View } from "vega";
import type { TopLevelSpec } from "vega-lite";
import { compile } from "vega-lite";

/** Okabe-Ito colours: told apart under every common colour blindness, and on paper. */
export const COLOURS = {
  up: "#d55e00",
  down: "#0072b2",
  quiet: "#b4bcc6",
  ink: "#1d2733",
  soft: "#5b6775",
  grid: "#e6e9ed",
} as const;

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif";
export const FONT_SIZE = 12;

/** An inline SVG and the sentence that stands for it where it cannot be seen. */
export interface Chart {
  readonly svg: string;
  readonly label: string;
}

/** A chart is drawn for a desk and anew for a telephone, with its text as large. */
export type ChartSize = "wide" | "narrow";

export interface ChartFrame {
  /** Size of the plotting area in px. */
  readonly width: number;
  readonly height: number;
  readonly padding: {
    readonly left: number;
    readonly right: number;
    readonly top: number;
    readonly bottom: number;
  };
}

export type Layers = Extract<TopLevelSpec, { layer: unknown }>["layer"];

/**
 * Layers on one fixed frame -> SVG markup for inlining in HTML. Nothing is measured at run time
 * (autosize none), so the same layers give the same bytes on every machine. Layers must not clip or
 * use gradients: those need document-wide ids.
 */
export async function renderLayers(frame: ChartFrame, layer: Layers): Promise<string> {
  const spec: TopLevelSpec = {
    width: frame.width,
    height: frame.height,
    padding: { ...frame.padding },
    autosize: "none",
    background: "transparent",
    layer,
    config: {
      aria: false,
      font: FONT,
      view: { stroke: null },
      text: { fontSize: FONT_SIZE, fill: COLOURS.ink },
      axis: {
        labelFontSize: FONT_SIZE,
        titleFontSize: FONT_SIZE,
        titleFontWeight: "normal",
        labelColor: COLOURS.soft,
        titleColor: COLOURS.ink,
        gridColor: COLOURS.grid,
        domainColor: COLOURS.quiet,
        tickColor: COLOURS.quiet,
        labelOverlap: false,
        labelFlush: false,
      },
    },
  };
  const svg = await new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
  return svg
    .replace(/^<svg [^>]*viewBox=/, '<svg aria-hidden="true" viewBox=')
    .replaceAll(/-?\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2))))
    .replaceAll(CIRCLE, '<circle cx="$1" cy="$2" r="$3"');
}

/** Vega's circle, which takes twice as many characters. */
const CIRCLE =
  /<path transform="translate\(([-\d.]+),([-\d.]+)\)" d="M([\d.]+),0A\3,\3,0,1,1,-\3,0A\3,\3,0,1,1,\3,0"/g;
