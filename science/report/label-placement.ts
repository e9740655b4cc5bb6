export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * A label at its place: the left edge and the middle line of its text, in px. `leader`: where a
 * line from the anchor ends.
 */
export interface PlacedLabel extends Point {
  readonly text: string;
  readonly anchor: Point;
  /** Null when the label stands so near that no line is needed. */
  readonly leader: Point | null;
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const TEXT_HEIGHT = 13;
const TEXT_WIDTH_PER_CHARACTER = 7.2;
const POINT_RADIUS = 4;
const DISTANCES = [7, 16, 28, 42, 60];
const COST_OF_COVERING = 25;
const ANGLES = [0, 180, -45, -135, 45, 135, -90, 90].map((degrees) => (degrees * Math.PI) / 180);

/**
 * Greedy labels for a scatter plot, the most important first: each takes the place within width x
 * height (px) that best trades nearness against covering `points`. A label that could only stand on
 * another is left out.
 */
export function placeLabels(
  wanted: readonly { readonly text: string; readonly anchor: Point }[],
  points: readonly Point[],
  size: { readonly width: number; readonly height: number },
): readonly PlacedLabel[] {
  const placed: PlacedLabel[] = [];
  const taken: Box[] = [];
  for (const { text, anchor } of wanted) {
    let best: { box: Box; cost: number; distance: number } | undefined;
    for (const distance of DISTANCES) {
      for (const angle of ANGLES) {
        const box = boxAt(anchor, distance, angle, text.length * TEXT_WIDTH_PER_CHARACTER);
        if (box.left < 0 || box.right > size.width || box.top < 0 || box.bottom > size.height)
          continue;
        if (taken.some((other) => overlap(box, other))) continue;
        const cost =
          distance + COST_OF_COVERING * points.filter((point) => touches(box, point)).length;
        if (best === undefined || cost < best.cost) best = { box, cost, distance };
      }
    }
    if (best === undefined) continue;
    taken.push(best.box);
    const { box, distance } = best;
    const nearest = {
      x: clamp(anchor.x, box.left, box.right),
      y: clamp(anchor.y, box.top, box.bottom),
    };
    placed.push({
      text,
      anchor,
      x: box.left,
      y: (box.top + box.bottom) / 2,
      leader: distance > 10 ? nearest : null,
    });
  }
  return placed;
}

/** The box of a text whose nearest side or corner lies `distance` from the anchor. */
function boxAt(anchor: Point, distance: number, angle: number, width: number): Box {
  const x = anchor.x + Math.cos(angle) * distance;
  const y = anchor.y + Math.sin(angle) * distance;
  const left = x - (width * (1 - sign(Math.cos(angle)))) / 2;
  const top = y - (TEXT_HEIGHT * (1 - sign(Math.sin(angle)))) / 2;
  return { left, right: left + width, top, bottom: top + TEXT_HEIGHT };
}

function sign(value: number): number {
  return Math.abs(value) < 1e-9 ? 0 : Math.sign(value);
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

function touches(box: Box, { x, y }: Point): boolean {
  return (
    x > box.left - POINT_RADIUS &&
    x < box.right + POINT_RADIUS &&
    y > box.top - POINT_RADIUS &&
    y < box.bottom + POINT_RADIUS
  );
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}
