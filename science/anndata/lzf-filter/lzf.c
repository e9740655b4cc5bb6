/*
 * HDF5 filter 32000 (lzf), reading only, for the WebAssembly build of HDF5. Built into libH5Zlzf.so (LLVM 19 or later):
 *   clang --target=wasm32-emscripten -Os -fPIC -ffreestanding -fno-builtin -fvisibility=default -c lzf.c -o lzf.o
 *   wasm-ld --experimental-pic -shared --no-entry --strip-all --import-memory --import-undefined --unresolved-symbols=import-dynamic \
 *     --export=H5PLget_plugin_type --export=H5PLget_plugin_info lzf.o -o libH5Zlzf.so
 *
 * The lzf of h5wasm-plugins cannot read text of variable length, which h5py stores without a size hint;
 * here the length of the output is found by walking over the input first.
 * Stream format: a byte c < 32 is followed by c + 1 literal bytes; else a copy of (c >> 5) + 2 bytes
 * (7 in the upper bits: the next byte is added) from (c & 31) * 256 + next byte + 1 bytes back.
 */
typedef unsigned char byte;
typedef __SIZE_TYPE__ size_t;

void *malloc(size_t size);
void free(void *pointer);

static const char NAME[] = "lzf (read only)";

/* Bytes written, 0 for damaged input. Without `to` it only counts. */
static size_t decode(const byte *from, size_t length, byte *to) {
  const byte *end = from + length;
  size_t written = 0;
  while (from < end) {
    size_t control = *from++;
    if (control < 32) {
      size_t n = control + 1;
      if ((size_t)(end - from) < n) return 0;
      if (to) for (size_t i = 0; i < n; i++) to[written + i] = from[i];
      from += n;
      written += n;
      continue;
    }
    size_t n = (control >> 5) + 2;
    if (control >> 5 == 7) {
      if (from >= end) return 0;
      n += *from++;
    }
    if (from >= end) return 0;
    size_t back = (control & 31) * 256 + *from++ + 1;
    if (back > written) return 0;
    if (to) for (size_t i = 0; i < n; i++) to[written + i] = to[written + i - back];
    written += n;
  }
  return written;
}

static size_t filter(unsigned flags, size_t n_values, const unsigned *values, size_t n_bytes, size_t *size, void **buffer) {
  if (!(flags & 0x0100)) return 0;
  size_t length = decode(*buffer, n_bytes, 0);
  byte *output = length ? malloc(length) : 0;
  if (!output) return 0;
  decode(*buffer, n_bytes, output);
  free(*buffer);
  *buffer = output;
  *size = length;
  return length;
}

static const struct {
  int version;
  int id;
  unsigned can_encode;
  unsigned can_decode;
  const char *name;
  void *can_apply;
  void *set_local;
  size_t (*filter)(unsigned, size_t, const unsigned *, size_t, size_t *, void **);
} CLASS = {1, 32000, 0, 1, NAME, 0, 0, filter};

int H5PLget_plugin_type(void) { return 0; }
const void *H5PLget_plugin_info(void) { return &CLASS; }
