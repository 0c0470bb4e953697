<?php
// Starts PHP's built-in server and asks it through streams, curl and curl_multi, with TLS at the end.
// usage: client.php CERTIFICATE KEY
[, $certificate, $key] = $argv;

function report(string $name, mixed ...$values): void
{
    echo $name, " ", implode(" ", array_map("json_encode", $values)), "\n";
}

function digest(string $text): string
{
    return substr(hash("sha256", $text), 0, 16);
}

/** The server tells the port it got on its stderr. */
function start(): array
{
    $server = proc_open([PHP_BINARY, "-S", "127.0.0.1:0", __DIR__ . "/router.php"], [
        0 => ["file", "/dev/null", "r"], 1 => STDOUT, 2 => ["pipe", "w"],
    ], $pipes, sys_get_temp_dir());
    preg_match('~\(http://127.0.0.1:(\d+)\) started~', fgets($pipes[2]), $found);
    return [$server, $pipes[2], "http://127.0.0.1:$found[1]"];
}

function byCurl(string $url, array $options = []): array
{
    $curl = curl_init($url);
    curl_setopt_array($curl, $options + [CURLOPT_RETURNTRANSFER => true]);
    $body = curl_exec($curl);
    return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), curl_errno($curl), $body === false ? curl_error($curl) : digest($body), strlen((string) $body)];
}

function asks(string $base): void
{
    $large = str_repeat("0123456789abcdefg", 70000);
    $post = stream_context_create(["http" => ["method" => "POST", "content" => $large, "header" => "Content-Type: application/octet-stream"]]);
    report("stream", digest(file_get_contents("$base/echo", false, $post)) === digest($large));
    report("chunks", digest(file_get_contents("$base/chunks")), file_get_contents("$base/proxy"));
    $lenient = stream_context_create(["http" => ["ignore_errors" => true]]);
    file_get_contents("$base/fails", false, $lenient);
    report("fails", $http_response_header[0]);
    report("curl", byCurl("$base/echo", [CURLOPT_POSTFIELDS => $large, CURLOPT_HTTPHEADER => ["Content-Type: application/octet-stream"]]));
    report("missing", byCurl("$base/none/at/all")[0]);
    $file = new CURLStringFile($large, "large.txt", "text/plain");
    report("upload", byCurl("$base/upload", [CURLOPT_POSTFIELDS => ["field" => "value", "file" => $file]]));
    [$multi, $all] = [curl_multi_init(), []];
    for ($at = 0; $at < 20; $at++) {
        $all[$at] = curl_init("$base/chunks?$at");
        curl_setopt($all[$at], CURLOPT_RETURNTRANSFER, true);
        curl_multi_add_handle($multi, $all[$at]);
    }
    do {
        curl_multi_exec($multi, $running);
        $running > 0 && curl_multi_select($multi);
    } while ($running > 0);
    report("multi", array_unique(array_map(fn ($one) => digest(curl_multi_getcontent($one)), $all)));
}

/** A TLS server of our own in another process, and what curl and streams say of it. */
function secure(string $certificate, string $key): void
{
    $context = stream_context_create(["ssl" => ["local_cert" => $certificate, "local_pk" => $key]]);
    $server = stream_socket_server("tls://127.0.0.1:0", $code, $message, STREAM_SERVER_BIND | STREAM_SERVER_LISTEN, $context);
    $base = "https://" . stream_socket_get_name($server, false);
    $script = '$c = curl_init($argv[1]); curl_setopt_array($c, [CURLOPT_RETURNTRANSFER => true, CURLOPT_CAINFO => $argv[2]]);'
        . 'echo strlen(curl_exec($c)), " ", curl_error($c), "\n";';
    foreach ([$certificate, "/etc/ssl/certs/ca-certificates.crt"] as $trusted) {
        $client = proc_open([PHP_BINARY, "-r", $script, $base, $trusted], [1 => ["pipe", "w"]], $pipes);
        $socket = @stream_socket_accept($server, 20);
        if ($socket !== false) {
            report("request", fgets($socket));
            fwrite($socket, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" . str_repeat("secret", 50000));
            fclose($socket);
        }
        report("secure", stream_get_contents($pipes[1]), proc_close($client));
    }
}

[$server, $errors, $base] = start();
asks($base);
proc_terminate($server);
report("log", preg_match_all("/failed as asked|\[503\]|\[404\]/", stream_get_contents($errors)));
proc_close($server);
report("refused", byCurl($base)[1]);
secure($certificate, $key);
