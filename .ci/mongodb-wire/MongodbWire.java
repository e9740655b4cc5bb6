import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.Index;
import de.bwaldvogel.mongo.backend.IndexKey;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.backend.memory.MemoryDatabase;
import de.bwaldvogel.mongo.backend.memory.index.MemoryUniqueIndex;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerException;
import de.bwaldvogel.mongo.wire.bson.BsonDecoder;
import de.bwaldvogel.mongo.wire.bson.BsonEncoder;
import de.bwaldvogel.mongo.wire.message.MessageHeader;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Set;

/**
 * Starts mongo-java-server on 127.0.0.1: MongodbWire PORT DATA_FOLDER [with-parent]. Port 0 takes any free one;
 * with "with-parent" it ends when its standard input does. Adds what the library lacks for tests of durability:
 * every write command is in a log file, forced to disk, before it is answered (writes that wait at the same time share
 * one fsync) and the log is replayed at the start; one command at a time sees and changes the data, so no reader gets
 * a document that is half changed; keys are used in queries that have more conditions; and the wire version is one that current drivers accept.
 */
public final class MongodbWire {
  private static final Set<String> WRITES = Set.of("insert", "update", "delete", "findAndModify", "createIndexes", "create", "drop", "dropDatabase");

  /** The library looks a document up by its key only where the query has nothing but the key. */
  private static final class KeyIndex extends MemoryUniqueIndex {
    KeyIndex(String name, List<IndexKey> keys, boolean sparse) {
      super(name, keys, sparse);
    }

    private Document keyOf(Document query) {
      Document key = new Document();
      for (String field : keySet()) if (query.containsKey(field)) key.put(field, query.get(field));
      return key;
    }

    @Override
    public boolean canHandle(Document query) {
      return super.canHandle(keyOf(query));
    }

    @Override
    public Iterable<Integer> getPositions(Document query) {
      return super.getPositions(keyOf(query));
    }
  }

  private static final class KeyedDatabase extends MemoryDatabase {
    KeyedDatabase(String name, CursorRegistry cursors) {
      super(name, cursors);
    }

    @Override
    protected Index<Integer> openOrCreateUniqueIndex(String collection, String name, List<IndexKey> keys, boolean sparse) {
      return new KeyIndex(name, keys, sparse);
    }
  }

  private static final class LoggedBackend extends MemoryBackend {
    private final FileChannel log;
    private final Object disk = new Object();
    private long written = 0;
    private long forced = 0;

    LoggedBackend(Path file) throws IOException {
      log = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      replay();
    }

    @Override
    public MemoryDatabase openOrCreateDatabase(String name) {
      return new KeyedDatabase(name, getCursorRegistry());
    }

    @Override
    public Document handleMessage(MongoMessage message) {
      Document command = message.getDocument();
      boolean write = WRITES.contains(command.keySet().iterator().next());
      Document answer;
      long end;
      synchronized (this) {
        if (write) append(command);
        answer = super.handleMessage(message).cloneDeeply();
        end = written;
      }
      if (write) force(end);
      return answer;
    }

    private void append(Document command) {
      ByteBuf encoded = Unpooled.buffer();
      BsonEncoder.encodeDocument(command, encoded);
      try {
        ByteBuffer bytes = encoded.nioBuffer();
        while (bytes.hasRemaining()) written += log.write(bytes);
      } catch (IOException problem) {
        throw new UncheckedIOException(problem);
      }
    }

    private void force(long end) {
      synchronized (disk) {
        if (forced >= end) return;
        long reached;
        synchronized (this) {
          reached = written;
        }
        try {
          log.force(false);
        } catch (IOException problem) {
          throw new UncheckedIOException(problem);
        }
        forced = reached;
      }
    }

    /** A BSON document begins with its length; one that the file does not hold whole was never answered. */
    private void replay() throws IOException {
      EmbeddedChannel channel = new EmbeddedChannel();
      ByteBuffer length = ByteBuffer.allocate(4).order(java.nio.ByteOrder.LITTLE_ENDIAN);
      long end = log.size();
      while (written + 4 <= end) {
        length.clear();
        log.read(length, written);
        int size = length.getInt(0);
        if (written + size > end) break;
        ByteBuffer bytes = ByteBuffer.allocate(size);
        while (bytes.hasRemaining()) log.read(bytes, written + bytes.position());
        Document command = BsonDecoder.decodeBson(Unpooled.wrappedBuffer(bytes.flip()));
        try {
          super.handleMessage(new MongoMessage(channel, new MessageHeader(0, 0), command));
        } catch (MongoServerException refused) {
          // It was refused the first time, too.
        }
        written += size;
      }
      log.truncate(written);
      log.position(written);
      forced = written;
    }
  }

  private static final MongoVersion VERSION = new MongoVersion() {
    @Override
    public List<Integer> getVersionArray() {
      return List.of(5, 0, 0);
    }

    @Override
    public int getWireVersion() {
      return 13;
    }
  };

  private static void endWithParent() {
    Thread watch = new Thread(() -> {
      try {
        while (System.in.read() != -1) {}
      } catch (IOException ended) {
        // The parent is gone either way.
      }
      Runtime.getRuntime().halt(0);
    });
    watch.setDaemon(true);
    watch.start();
  }

  public static void main(String[] arguments) throws IOException {
    LoggedBackend backend = new LoggedBackend(Path.of(arguments[1], "commands.bson"));
    backend.version(VERSION);
    MongoServer server = new MongoServer(backend);
    server.bind("127.0.0.1", Integer.parseInt(arguments[0]));
    if (arguments.length > 2 && arguments[2].equals("with-parent")) endWithParent();
    System.out.println("mongodb://127.0.0.1:" + server.getLocalAddress().getPort());
  }
}
