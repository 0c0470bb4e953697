<?php
// PHP's streams and sockets, proc_open, files and pipes.
error_reporting(E_ALL);
ini_set("display_errors", "stderr");

function report(string $name, mixed ...$values): void
{
    echo $name, " ", implode(" ", array_map("json_encode", $values)), "\n";
}

function digest(string $text): string
{
    return substr(hash("sha256", $text), 0, 16);
}

function sockets(): void
{
    $server = stream_socket_server("tcp://127.0.0.1:0", $code, $message);
    $name = stream_socket_get_name($server, false);
    $client = stream_socket_client("tcp://$name");
    $served = stream_socket_accept($server);
    stream_set_blocking($client, false);
    stream_set_blocking($served, false);
    [$toSend, $received] = [str_repeat("0123456789abcdefg", 60000), ""];
    $length = strlen($toSend);
    while (strlen($received) < $length) {
        [$read, $write, $none] = [[$served], $toSend === "" ? [] : [$client], []];
        stream_select($read, $write, $none, 10);
        if ($write !== []) {
            $toSend = substr($toSend, fwrite($client, substr($toSend, 0, 50000)));
        }
        if ($read !== []) {
            $received .= fread($served, 8192);
        }
    }
    report("transfer", strlen($received), digest($received));
    stream_socket_shutdown($client, STREAM_SHUT_WR);
    stream_set_blocking($served, true);
    report("end", fgets($served), feof($served));
    stream_set_blocking($client, true);
    stream_set_timeout($client, 0, 50000);
    report("timeout", fgets($client), stream_get_meta_data($client)["timed_out"]);
    fwrite($served, "one\ntwo\r\nthree");
    fclose($served);
    while (($line = fgets($client)) !== false) {
        report("line", $line);
    }
    fclose($client);
    fclose($server);
    report("refused", @stream_socket_client("tcp://$name", $code, $message), $code, $message);
    [$left, $right] = stream_socket_pair(STREAM_PF_UNIX, STREAM_SOCK_STREAM, 0);
    fwrite($left, "over a pair");
    fclose($left);
    report("pair", stream_get_contents($right), @fwrite($right, "x"), error_get_last()["message"]);
}

function extension(): void
{
    $server = socket_create_listen(0);
    socket_getsockname($server, $address, $port);
    $client = socket_create(AF_INET, SOCK_STREAM, SOL_TCP);
    report("connect", socket_connect($client, "127.0.0.1", $port));
    $served = socket_accept($server);
    report("sent", socket_send($client, "urgent?", 7, 0), socket_write($client, "more"));
    report("peek", socket_recv($served, $data, 3, MSG_PEEK), $data, socket_read($served, 100));
    socket_set_nonblock($served);
    report("again", @socket_recv($served, $data, 10, 0), socket_strerror(socket_last_error($served)));
    socket_set_option($served, SOL_SOCKET, SO_LINGER, ["l_onoff" => 1, "l_linger" => 0]);
    socket_close($served);
    report("reset", @socket_read($client, 10), socket_strerror(socket_last_error($client)));
    $datagrams = socket_create(AF_INET, SOCK_DGRAM, SOL_UDP);
    socket_bind($datagrams, "127.0.0.1");
    socket_getsockname($datagrams, $address, $port);
    report("sendto", socket_sendto($datagrams, "to itself", 9, 0, "127.0.0.1", $port));
    report("recvfrom", socket_recvfrom($datagrams, $data, 4, 0, $address, $port), $data);
    report("sendmsg", socket_sendmsg($datagrams, ["iov" => ["a", "", "bc"], "name" => ["addr" => "127.0.0.1", "port" => $port]]));
    $message = ["buffer_size" => 100, "controllen" => 0];
    report("recvmsg", socket_recvmsg($datagrams, $message), $message["iov"]);
}

function processes(): void
{
    $large = str_repeat("0123456789abcdefg", 80000);
    $process = proc_open(["sh", "-c", 'cat <&3 >&2; echo $GIVEN; exit 6'], [
        0 => ["file", "/dev/null", "r"], 1 => ["pipe", "w"], 2 => ["pipe", "w"], 3 => ["pipe", "r"],
    ], $pipes, "/", ["GIVEN" => "environment"] + getenv());
    $received = "";
    stream_set_blocking($pipes[3], false);
    while ($large !== "" || !feof($pipes[2])) {
        [$read, $write, $none] = [[$pipes[2]], $large === "" ? [] : [$pipes[3]], []];
        stream_select($read, $write, $none, 10);
        if ($write !== []) {
            $large = substr($large, fwrite($pipes[3], $large));
            $large === "" && fclose($pipes[3]);
        }
        $received .= $read === [] ? "" : fread($pipes[2], 65536);
    }
    report("proc_open", strlen($received), digest($received), stream_get_contents($pipes[1]), proc_close($process));
    report("exec", exec("seq 1 5; exit 3", $lines, $code), $lines, $code);
    report("shell_exec", shell_exec("echo shell"), system("echo system"), `echo backquotes`);
    passthru("echo passed through; echo and on stderr >&2", $code);
    $pipe = popen("tr a-z A-Z", "w");
    fwrite($pipe, "written into popen\n");
    report("pclose", pclose($pipe));
    $sleeper = proc_open(["sleep", "30"], [], $none);
    proc_terminate($sleeper);
    while (($status = proc_get_status($sleeper))["running"]) {
        usleep(1000);
    }
    report("terminated", $status["signaled"], $status["termsig"]);
}

function files(): void
{
    $path = tempnam(sys_get_temp_dir(), "php");
    $file = fopen($path, "w+");
    report("wrote", fwrite($file, str_repeat("line\n", 3000)), fputs($file, "last"), fseek($file, -9, SEEK_END), fgets($file), ftell($file));
    report("truncate", ftruncate($file, 7), rewind($file), fread($file, 100), feof($file), flock($file, LOCK_EX));
    fclose($file);
    file_put_contents($path, "appended", FILE_APPEND);
    report("file", file_get_contents($path), file($path, FILE_IGNORE_NEW_LINES));
    $zipped = "compress.zlib://$path";
    file_put_contents($zipped, str_repeat("zip", 9000));
    report("zlib", digest(file_get_contents($zipped)), filesize($path) < 200);
    unlink($path);
    report("missing", @file_get_contents($path), error_get_last()["message"] !== "");
    report("stdin", digest(stream_get_contents(STDIN)), fgets(STDIN));
}

sockets();
extension();
processes();
files();
echo str_repeat("much ", 30000), "\n";
fwrite(STDOUT, "written to STDOUT\n");
error_log("io.php ends");
exit(4);
