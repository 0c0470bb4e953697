// OpenJDK's HttpServer with HttpClient (HTTP/1.1, asynchronous) and HttpURLConnection as clients.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

public class Http {
    static final CountDownLatch release = new CountDownLatch(1);

    static String digest(byte[] bytes) throws Exception {
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(bytes);
        return HexFormat.of().formatHex(hash).substring(0, 16);
    }

    static void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        byte[] body = exchange.getRequestBody().readAllBytes();
        if (path.equals("/echo")) {
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
        } else if (path.equals("/chunks")) {
            exchange.sendResponseHeaders(200, 0);
            try (OutputStream out = exchange.getResponseBody()) {
                for (int at = 1; at < 300; at++) {
                    out.write((at + ":").repeat(at).getBytes());
                    out.flush();
                }
            }
        } else if (path.equals("/never")) {
            try {
                release.await();
            } catch (InterruptedException ended) {
                Thread.currentThread().interrupt();
            }
        } else if (path.startsWith("/n/")) {
            byte[] text = path.repeat(50).getBytes();
            exchange.sendResponseHeaders(200, text.length);
            exchange.getResponseBody().write(text);
        } else {
            exchange.sendResponseHeaders(404, -1);
        }
        exchange.close();
    }

    static void byClient(String base, byte[] large) throws Exception {
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(10)).build();
        var echo = client.send(HttpRequest.newBuilder(URI.create(base + "/echo"))
            .POST(HttpRequest.BodyPublishers.ofByteArray(large)).build(), BodyHandlers.ofByteArray());
        System.out.println("client echo " + echo.statusCode() + " " + Arrays.equals(large, echo.body()));
        var chunks = client.send(HttpRequest.newBuilder(URI.create(base + "/chunks")).build(),
            BodyHandlers.ofByteArray());
        System.out.println("client chunks " + chunks.body().length + " " + digest(chunks.body()));
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int at = 0; at < 50; at++) {
            var request = HttpRequest.newBuilder(URI.create(base + "/n/" + at)).build();
            answers.add(client.sendAsync(request, BodyHandlers.ofString()).thenApply(a -> a.body()));
        }
        StringBuilder all = new StringBuilder();
        for (var one : answers) all.append(one.get());
        System.out.println("client many " + digest(all.toString().getBytes()));
        try {
            client.send(HttpRequest.newBuilder(URI.create(base + "/never"))
                .timeout(Duration.ofMillis(150)).build(), BodyHandlers.ofString());
        } catch (IOException late) {
            System.out.println("client never " + late.getClass().getName());
        }
    }

    static void byConnection(String base, byte[] large) throws Exception {
        var post = (HttpURLConnection) URI.create(base + "/echo").toURL().openConnection();
        post.setDoOutput(true);
        post.setChunkedStreamingMode(5000);
        try (OutputStream out = post.getOutputStream()) {
            for (int at = 0; at < large.length; at += 70_001) {
                out.write(large, at, Math.min(70_001, large.length - at));
            }
        }
        try (InputStream in = post.getInputStream()) {
            System.out.println("connection echo " + Arrays.equals(large, in.readAllBytes()));
        }
        var missing = (HttpURLConnection) URI.create(base + "/missing").toURL().openConnection();
        System.out.println("connection missing " + missing.getResponseCode());
        var late = (HttpURLConnection) URI.create(base + "/never").toURL().openConnection();
        late.setReadTimeout(150);
        try {
            late.getResponseCode();
        } catch (IOException timeout) {
            System.out.println("connection never " + timeout);
        }
    }

    public static void main(String[] arguments) throws Exception {
        var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
        ExecutorService threads = Executors.newFixedThreadPool(8);
        server.setExecutor(threads);
        server.createContext("/", Http::answer);
        server.start();
        int port = server.getAddress().getPort();
        String base = "http://127.0.0.1:" + port;
        byte[] large = "0123456789abcdef-".repeat(120_000).getBytes();
        byClient(base, large);
        byConnection(base, large);
        release.countDown();
        server.stop(0);
        threads.shutdownNow();
        try {
            URI.create(base).toURL().openConnection().getInputStream();
        } catch (IOException refused) {
            System.out.println("closed " + refused);
        }
        System.err.println("Http ends");
    }
}
