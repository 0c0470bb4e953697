// OpenJDK's ProcessBuilder: pipes, files, inherited streams, environment, exit codes, pipelines.
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;

public class Processes {
    static long checksum(byte[] bytes) {
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return crc.getValue();
    }

    static void pipes() throws Exception {
        byte[] large = "0123456789abcdefg".repeat(100_000).getBytes();
        Process cat = new ProcessBuilder("cat").start();
        var written = CompletableFuture.runAsync(() -> {
            try (OutputStream in = cat.getOutputStream()) {
                in.write(large);
            } catch (IOException failed) {
                throw new IllegalStateException(failed);
            }
        });
        byte[] back = cat.getInputStream().readAllBytes();
        written.get();
        System.out.println("cat " + cat.waitFor() + " " + back.length + " " + (checksum(back) == checksum(large)));
        Process both = new ProcessBuilder("sh", "-c", "echo out; echo err >&2; exit 7")
            .redirectErrorStream(true).start();
        System.out.print(new String(both.getInputStream().readAllBytes()));
        System.out.println("exit " + both.waitFor());
        Process deaf = new ProcessBuilder("sh", "-c", "exec <&-; echo deaf; exec sleep 30").start();
        deaf.getInputStream().read();
        try {
            deaf.getOutputStream().write(1);
            deaf.getOutputStream().flush();
        } catch (IOException broken) {
            System.out.println("write " + broken.getMessage());
        }
        System.out.println("alive " + deaf.isAlive() + " " + deaf.waitFor(50, TimeUnit.MILLISECONDS));
        deaf.destroy();
        System.out.println("destroyed " + deaf.waitFor());
        Process killed = new ProcessBuilder("sleep", "30").start();
        System.out.println("killed " + killed.destroyForcibly().waitFor());
    }

    static void files(Path directory) throws Exception {
        File out = directory.resolve("out").toFile();
        ProcessBuilder append = new ProcessBuilder("sh", "-c", "echo $GREETING in $(pwd)");
        append.environment().put("GREETING", "hello");
        append.directory(new File("/"));
        for (int at = 0; at < 3; at++) {
            append.redirectOutput(ProcessBuilder.Redirect.appendTo(out)).start().waitFor();
        }
        System.out.print(Files.readString(out.toPath()));
        Process reads = new ProcessBuilder("wc", "-l").redirectInput(out).start();
        System.out.println(new String(reads.getInputStream().readAllBytes()).trim());
        int code = new ProcessBuilder("sh", "-c", "read line; echo got $line; echo bad >&2")
            .inheritIO().start().waitFor();
        System.out.println("inherited " + code);
        var line = List.of(new ProcessBuilder("seq", "1", "500"), new ProcessBuilder("sort", "-r"),
            new ProcessBuilder("head", "-n", "3"));
        List<Process> started = ProcessBuilder.startPipeline(line);
        System.out.print(new String(started.get(2).getInputStream().readAllBytes()));
        try {
            new ProcessBuilder("/nonexistent/program").start();
        } catch (IOException missing) {
            System.out.println(missing.getMessage());
        }
    }

    static void concurrent() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        CompletableFuture<?>[] all = new CompletableFuture<?>[40];
        int[] sums = new int[all.length];
        for (int at = 0; at < all.length; at++) {
            int number = at;
            all[at] = CompletableFuture.runAsync(() -> {
                try {
                    Process child = new ProcessBuilder("sh", "-c", "cat; exit " + number).start();
                    child.getOutputStream().write(new byte[number * 100]);
                    child.getOutputStream().close();
                    sums[number] = child.getInputStream().readAllBytes().length + child.waitFor();
                } catch (IOException | InterruptedException failed) {
                    throw new IllegalStateException(failed);
                }
            }, threads);
        }
        CompletableFuture.allOf(all).get();
        int sum = 0;
        for (int one : sums) sum += one;
        System.out.println("concurrent " + sum);
        threads.shutdown();
    }

    static void standard() throws IOException {
        ByteArrayOutputStream read = new ByteArrayOutputStream();
        InputStream in = System.in;
        in.transferTo(read);
        System.out.println("System.in " + read.size() + " " + checksum(read.toByteArray()) + " " + in.read());
        System.out.write("bytes\n".getBytes());
        System.out.printf("%s %d%n", "formatted", 5);
        System.out.println("x".repeat(100_000));
        System.err.println("Processes ends");
    }

    public static void main(String[] arguments) throws Exception {
        Path directory = Files.createTempDirectory("processes");
        pipes();
        files(directory);
        concurrent();
        standard();
        Files.delete(directory.resolve("out"));
        Files.delete(directory);
        System.exit(6);
    }
}
