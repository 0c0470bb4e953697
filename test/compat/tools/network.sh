# Clients and servers of single connections: openssl, socat, wget, curl's other protocols.
set -eu
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -keyout key.pem -out certificate.pem \
    -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 2>/dev/null
seq 5000 >numbers
mkdir served
cp numbers served/numbers
# end NAME PID...: how each of them ends; the shell's own word about it comes at any time.
end() {
    name=$1
    shift
    kill "$@"
    for pid in "$@"; do
        code=0
        { wait "$pid" || code=$?; } 2>/dev/null
        echo "$name ends with $code"
    done
}

until_open() {
    until socat -u OPEN:/dev/null "TCP:127.0.0.1:$1" 2>/dev/null; do sleep 0.05; done
}

(cd served && exec openssl s_server -quiet -accept "127.0.0.1:$PORT_ONE" -cert ../certificate.pem \
    -key ../key.pem -WWW) >s_server.log 2>&1 &
server=$!
until_open "$PORT_ONE"
for version in 1.2 1.3; do
    curl -sS --http1.0 --cacert certificate.pem --tls-max "$version" "https://localhost:$PORT_ONE/numbers" | sha256sum
done
printf 'GET /numbers HTTP/1.0\r\n\r\n' |
    openssl s_client -quiet -ign_eof -CAfile certificate.pem -connect "127.0.0.1:$PORT_ONE" 2>/dev/null | sha256sum
wget -q --ca-certificate=certificate.pem -O by-wget "https://localhost:$PORT_ONE/numbers"
cmp numbers by-wget
wget -q -O /dev/null "https://localhost:$PORT_ONE/numbers" || echo "wget without trust ends with $?"
curl -sS "https://localhost:$PORT_ONE/" 2>&1 || echo "curl without trust ends with $?"
end s_server "$server"

socat "TCP-LISTEN:$PORT_TWO,bind=127.0.0.1,reuseaddr,fork" EXEC:'tr a-z A-Z' &
server=$!
until_open "$PORT_TWO"
echo 'through socat and tr' | socat -t 120 - "TCP:127.0.0.1:$PORT_TWO"
seq 2000 | socat -t 120 - "TCP:127.0.0.1:$PORT_TWO" | sha256sum
end socat "$server"

socat "OPENSSL-LISTEN:$PORT_THREE,bind=127.0.0.1,reuseaddr,fork,cert=certificate.pem,key=key.pem,verify=0" \
    "UNIX-CONNECT:$PWD/inner.sock" 2>/dev/null &
outer=$!
socat "UNIX-LISTEN:$PWD/inner.sock,fork" PIPE &
inner=$!
until_open "$PORT_THREE"
until [ -S inner.sock ]; do sleep 0.05; done
socat -t 120 - "OPENSSL:localhost:$PORT_THREE,cafile=certificate.pem" <numbers | cmp - numbers
end 'socat with TLS' "$outer" "$inner"
curl -sS "file://$PWD/numbers" | tail -1
curl -sS "http://127.0.0.1:$PORT_FOUR/" 2>refused || echo "curl to nobody ends with $?"
sed 's/after [0-9]* ms/after a while/' refused && rm refused
curl -sS "nonsense://127.0.0.1/" 2>&1 || echo "curl with nonsense ends with $?"
rm -f certificate.pem key.pem s_server.log inner.sock
