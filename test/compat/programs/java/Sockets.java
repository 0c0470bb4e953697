// OpenJDK's sockets: blocking with timeouts, NIO with a selector, asynchronous, datagrams, Unix.
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.AsynchronousSocketChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.zip.CRC32;

public class Sockets {
    static final InetAddress loopback = InetAddress.getLoopbackAddress();

    interface Call {
        void run() throws Exception;
    }

    static void failing(String name, Call call) {
        try {
            call.run();
            System.out.println(name + " works");
        } catch (Exception failed) {
            System.out.println(name + " " + failed);
        }
    }

    /** For threads, whose ends have no order: says nothing when all is well. */
    static Thread thread(String name, Call call) {
        Thread thread = new Thread(() -> {
            try {
                call.run();
            } catch (Exception failed) {
                System.out.println(name + " " + failed);
            }
        });
        thread.start();
        return thread;
    }

    static long checksum(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return crc.getValue();
    }

    static void blocking() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 50, loopback)) {
            Thread echo = thread("echo", () -> {
                try (Socket served = server.accept()) {
                    served.getInputStream().transferTo(served.getOutputStream());
                }
            });
            try (Socket socket = new Socket(loopback, server.getLocalPort())) {
                socket.setSoTimeout(60);
                failing("read", () -> socket.getInputStream().read());
                socket.setSoTimeout(0);
                DataOutputStream out = new DataOutputStream(socket.getOutputStream());
                DataInputStream in = new DataInputStream(socket.getInputStream());
                for (int size : new int[] {1, 100, 40_000}) {
                    byte[] bytes = new byte[size];
                    Arrays.fill(bytes, (byte) size);
                    out.writeInt(size);
                    out.write(bytes);
                    byte[] back = new byte[in.readInt()];
                    in.readFully(back);
                    System.out.println("blocking " + size + " " + Arrays.equals(bytes, back));
                }
                socket.shutdownOutput();
                System.out.println("end " + in.read());
                failing("write", () -> out.write(1));
            }
            echo.join();
            server.setSoTimeout(60);
            failing("accept", server::accept);
            int port = server.getLocalPort();
            failing("bind", () -> new ServerSocket(port, 50, loopback).close());
            server.close();
            failing("connect", () -> new Socket(loopback, port).close());
            failing("closed", server::accept);
        }
    }

    static void interrupted() throws Exception {
        try (ServerSocket server = new ServerSocket(0, 50, loopback)) {
            Socket socket = new Socket(loopback, server.getLocalPort());
            InputStream in = socket.getInputStream();
            Thread reader = thread("reader", () -> in.read());
            Socket served = server.accept();
            socket.close();
            reader.join();
            System.out.println("other end " + served.getInputStream().read());
            served.setSoLinger(true, 0);
            served.close();
        }
    }

    /** One thread, a selector, 30 clients that each send and receive 100,000 bytes. */
    static void selecting() throws Exception {
        Selector selector = Selector.open();
        ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress(loopback, 0));
        server.configureBlocking(false).register(selector, SelectionKey.OP_ACCEPT);
        Thread loop = thread("loop", () -> serve(selector, server));
        int port = ((InetSocketAddress) server.getLocalAddress()).getPort();
        Thread[] clients = new Thread[30];
        long[] sums = new long[clients.length];
        for (int at = 0; at < clients.length; at++) {
            int number = at;
            clients[at] = thread("client", () -> {
                try (SocketChannel channel = SocketChannel.open(new InetSocketAddress(loopback, port))) {
                    sums[number] = exchange(channel, number);
                }
            });
        }
        for (Thread client : clients) client.join();
        selector.wakeup();
        loop.join();
        System.out.println("selecting " + Arrays.hashCode(sums));
    }

    static long exchange(SocketChannel channel, int number) throws Exception {
        byte[] bytes = new byte[100_000];
        Arrays.fill(bytes, (byte) number);
        Thread writer = thread("writer", () -> {
            ByteBuffer[] parts = {ByteBuffer.wrap(bytes, 0, 10), ByteBuffer.wrap(bytes, 10, 99_990)};
            while (parts[1].hasRemaining()) channel.write(parts);
            channel.shutdownOutput();
        });
        ByteBuffer received = ByteBuffer.allocateDirect(100_001);
        while (channel.read(received) >= 0) {
            continue;
        }
        writer.join();
        byte[] back = new byte[received.flip().remaining()];
        received.get(back);
        return checksum(back);
    }

    static void serve(Selector selector, ServerSocketChannel server) throws IOException {
        int open = 30;
        while (open > 0) {
            selector.select();
            for (SelectionKey key : selector.selectedKeys()) {
                if (key.isAcceptable()) {
                    SocketChannel channel = server.accept();
                    channel.configureBlocking(false).register(selector, SelectionKey.OP_READ, ByteBuffer.allocate(3000));
                } else {
                    open -= pass(key) ? 1 : 0;
                }
            }
            selector.selectedKeys().clear();
        }
        server.close();
    }

    /** Echoes what fits; true when the connection has ended. */
    static boolean pass(SelectionKey key) throws IOException {
        SocketChannel channel = (SocketChannel) key.channel();
        ByteBuffer buffer = (ByteBuffer) key.attachment();
        int read = channel.read(buffer);
        buffer.flip();
        channel.write(buffer);
        buffer.compact();
        if (read < 0 && buffer.position() == 0) {
            channel.close();
            return true;
        }
        key.interestOps((buffer.hasRemaining() && read >= 0 ? SelectionKey.OP_READ : 0)
            | (buffer.position() > 0 ? SelectionKey.OP_WRITE : 0));
        return false;
    }

    static void others(Path directory) throws Exception {
        var address = UnixDomainSocketAddress.of(directory.resolve("socket"));
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(address);
            var client = SocketChannel.open(address); var served = server.accept()) {
            client.write(ByteBuffer.wrap("over a path".getBytes()));
            ByteBuffer buffer = ByteBuffer.allocate(100);
            System.out.println("unix " + served.read(buffer) + " " + new String(buffer.array(), 0, buffer.position()));
        }
        try (var server = ServerSocketChannel.open().bind(new InetSocketAddress(loopback, 0));
            var client = AsynchronousSocketChannel.open()) {
            client.connect(server.getLocalAddress()).get();
            SocketChannel served = server.accept();
            var reading = client.read(ByteBuffer.allocate(100));
            Path file = Files.writeString(directory.resolve("file"), "sent from a file".repeat(4));
            try (FileChannel source = FileChannel.open(file, StandardOpenOption.READ)) {
                System.out.println("transfer " + source.transferTo(3, 40, served));
            }
            System.out.println("asynchronous " + reading.get());
            served.close();
            System.out.println("asynchronous end " + client.read(ByteBuffer.allocate(1)).get());
        }
        try (var one = new DatagramSocket(0, loopback); var two = new DatagramSocket(0, loopback)) {
            for (int size : new int[] {0, 10, 30_000}) {
                one.send(new DatagramPacket(new byte[size], size, loopback, two.getLocalPort()));
                DatagramPacket packet = new DatagramPacket(new byte[20_000], 20_000);
                two.receive(packet);
                System.out.println("datagram " + packet.getLength());
            }
            two.setSoTimeout(60);
            failing("receive", () -> two.receive(new DatagramPacket(new byte[1], 1)));
        }
        try (InputStream in = Files.newInputStream(directory.resolve("file"))) {
            System.out.println("file " + in.readAllBytes().length);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Path directory = Files.createTempDirectory("sockets");
        blocking();
        interrupted();
        selecting();
        others(directory);
        for (String name : new String[] {"socket", "file", "."}) Files.delete(directory.resolve(name).normalize());
        System.err.println("Sockets ends");
    }
}
