import { CASES } from "./durability-cases.ts";
import type { Place } from "./durability-host.ts";

/**
 * One case in this process: `node --expose-gc bench/durability-case.ts CASE PLACE SIZE`. Prints its
 * figures as JSON.
 */
const [name = "", place = "", size = ""] = process.argv.slice(2);
console.log(JSON.stringify(await CASES[name]?.(JSON.parse(place) as Place, Number(size))));
