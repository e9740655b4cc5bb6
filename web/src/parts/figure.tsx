import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { DrawnFigure } from "../findings.ts";

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { readonly createHTML: (markup: string) => string },
  ): { createHTML(markup: string): string };
}

/** What becomes part of the page is a drawing of these elements; the page's policy forbids the rest. */
const DRAWN = new Set(["svg", "g", "path", "rect", "line", "circle", "text", "tspan"]);
const SVG = "http://www.w3.org/2000/svg";

const trusted = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy(
  "figure",
  { createHTML: (markup) => markup },
);

function drawingOf(markup: string): Element {
  const whole = markup.replace(/^<svg /, `<svg xmlns="${SVG}" `);
  const { documentElement: svg } = new DOMParser().parseFromString(
    trusted?.createHTML(whole) ?? whole,
    "image/svg+xml",
  );
  for (const each of [...svg.querySelectorAll("*")]) if (!DRAWN.has(each.localName)) each.remove();
  return document.importNode(svg, true);
}

/** A file that stands alone: on paper, with a size. */
function save(runId: string, { id, wide }: DrawnFigure): void {
  const svg = drawingOf(wide);
  const [, , width = "0", height = "0"] = svg.getAttribute("viewBox")?.split(" ") ?? [];
  const paper = document.createElementNS(SVG, "rect");
  for (const [name, value] of Object.entries({ width, height, fill: "#ffffff" }))
    paper.setAttribute(name, value);
  svg.prepend(paper);
  svg.removeAttribute("aria-hidden");
  svg.setAttribute("width", width);
  svg.setAttribute("height", height);
  const content = URL.createObjectURL(
    new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" }),
  );
  Object.assign(document.createElement("a"), {
    href: content,
    download: `${runId}_${id}.svg`,
  }).click();
  URL.revokeObjectURL(content);
}

/** A figure as the report has it, which draws each for a desk and for a telephone. */
export function Figure({
  figure,
  runId,
}: {
  readonly figure: DrawnFigure;
  readonly runId: string;
}): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const drawn = (["wide", "narrow"] as const).map((size) => {
      const around = document.createElement("div");
      around.className = size;
      around.append(drawingOf(figure[size]));
      return around;
    });
    place.current?.replaceChildren(...drawn);
  }, [figure]);
  return (
    <figure class="drawn" id={`figure-${figure.id}`}>
      <div ref={place} role="img" aria-label={figure.label} />
      <figcaption class="hint">
        {figure.caption}{" "}
        <button
          type="button"
          class="plain"
          aria-label={`Save as SVG: ${figure.title}`}
          onClick={() => save(runId, figure)}
        >
          Save as SVG
        </button>
      </figcaption>
    </figure>
  );
}
