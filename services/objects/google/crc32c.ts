/** Table of the Castagnoli polynomial, bits reflected (RFC 3720, appendix B.4). */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

export interface Crc32c {
  update(bytes: Uint8Array): void;
  /** Base64 of the four bytes, most significant first, as Cloud Storage writes it. */
  digest(): string;
}

/**
 * The checksum of Cloud Storage. The client's own iterates over bytes and takes seven times as
 * long.
 */
export function crc32c(): Crc32c {
  let crc = -1;
  return {
    update(bytes) {
      let present = crc;
      for (let index = 0; index < bytes.length; index++)
        present = (TABLE[(present ^ (bytes[index] as number)) & 0xff] as number) ^ (present >>> 8);
      crc = present;
    },
    digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(~crc);
      return bytes.toString("base64");
    },
  };
}
