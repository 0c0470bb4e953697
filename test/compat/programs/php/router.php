<?php
// Served by `php -S`: what client.php asks for.
$path = parse_url($_SERVER["REQUEST_URI"], PHP_URL_PATH);
if ($path === "/echo") {
    header("Content-Type: application/octet-stream");
    echo file_get_contents("php://input");
} elseif ($path === "/upload") {
    $file = $_FILES["file"];
    echo $file["name"], " ", hash_file("sha256", $file["tmp_name"]), " ", $_POST["field"];
} elseif ($path === "/chunks") {
    for ($at = 0; $at < 200; $at++) {
        echo str_repeat("$at:", $at);
        flush();
    }
} elseif ($path === "/fails") {
    http_response_code(503);
    error_log("failed as asked");
} elseif ($path === "/proxy") {
    echo shell_exec("echo from a child of the server");
} else {
    return false;
}
