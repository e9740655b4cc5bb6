/**
 * JSON text of values that are replaced and never changed in place. Each version of such a value
 * shares its lasting parts with the version before: their text is made once, and remembered for as
 * long as they live.
 */

const texts = new WeakMap<object, string>();

function rememberedText(part: object): string {
  let text = texts.get(part);
  if (text === undefined) texts.set(part, (text = JSON.stringify(part)));
  return text;
}

/**
 * What JSON.stringify says of a plain object, its properties in another order. `lasting` names
 * objects, or lists of objects, that later versions share.
 */
export function jsonText<Value extends object>(
  value: Value,
  lasting: readonly (keyof Value & string)[],
): string {
  const rest = { ...value } as Record<string, unknown>;
  let text = "";
  for (const key of lasting) {
    const part: unknown = value[key];
    if (typeof part !== "object" || part === null) continue;
    rest[key] = undefined;
    text += `"${key}":${Array.isArray(part) ? `[${part.map(rememberedText).join(",")}]` : rememberedText(part)},`;
  }
  const own = JSON.stringify(rest);
  return own === "{}" ? `{${text.slice(0, -1)}}` : `{${text}${own.slice(1)}`;
}
