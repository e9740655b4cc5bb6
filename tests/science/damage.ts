import fc from "fast-check";

/** Changes as disks, downloads and other programs make them, from one bit to a missing half. */
export const damage = (size: number): fc.Arbitrary<(bytes: Buffer) => Buffer> => {
  const place = fc.nat(size - 1);
  const over = (at: fc.Arbitrary<number>, what: fc.Arbitrary<Uint8Array>) =>
    fc.tuple(at, what).map(([from, patch]) => (bytes: Buffer) => {
      bytes.set(patch.subarray(0, bytes.length - from), from);
      return bytes;
    });
  const long = fc.constantFrom(2n ** 31n, 2n ** 32n - 1n, 2n ** 40n, 2n ** 62n).map((value) => {
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(value);
    return word;
  });
  return fc.oneof(
    fc.tuple(place, fc.nat(7)).map(([at, bit]) => (bytes: Buffer) => {
      bytes[at] = (bytes[at] as number) ^ (1 << bit);
      return bytes;
    }),
    over(place, fc.uint8Array({ minLength: 1, maxLength: 100 })),
    over(
      place,
      fc.constantFrom(1, 2, 4, 8).map((length) => new Uint8Array(length).fill(255)),
    ),
    over(
      place,
      fc.integer({ min: 1, max: 200 }).map((length) => new Uint8Array(length)),
    ),
    over(place, long),
    place.map((at) => (bytes: Buffer) => bytes.subarray(0, at)),
    fc
      .tuple(place, place, fc.integer({ min: 1, max: 100 }))
      .map(([from, to, length]) => (bytes: Buffer) => {
        bytes.copyWithin(to, from, Math.min(bytes.length, from + length));
        return bytes;
      }),
  );
};
