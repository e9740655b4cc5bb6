export const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|::1|ipv4:127\..*)$/;

/** The host that arguments of Socket.connect name; undefined for a socket of the file system. */
export function hostOf(first: unknown, second: unknown): string | undefined {
  const options: unknown = Array.isArray(first) ? first[0] : first;
  if (typeof options === "number") return typeof second === "string" ? second : "localhost";
  if (typeof options !== "object" || options === null || ("path" in options && typeof options.path === "string" && !("port" in options))) return undefined;
  return "host" in options && typeof options.host === "string" ? options.host : "localhost";
}
