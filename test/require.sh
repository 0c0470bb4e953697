#!/bin/sh
# What the tests need from the system. Root gets what is missing by apt-get; for everybody else
# (and with OLLY_TEST_INSTALL=0) it is named, with the command that brings it, and the exit code
# is 1. Invariant: with exit code 0 every test can run; nothing is skipped for want of a program.
set -eu

GO_MINOR_MIN=24 # the collector's modules state go 1.24
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/go/bin
export PATH

has() {
    command -v "$1" >/dev/null 2>&1
}

# has_file PATTERN...: as the shell has expanded it.
has_file() {
    [ -e "$1" ]
}

# The one that Debian's packages of modules are for.
system_python() {
    if [ -x /usr/bin/python3 ]; then /usr/bin/python3 "$@"; else python3 "$@"; fi
}

# has_modules RUNTIME MODULE...
has_modules() {
    runtime=$1
    shift
    for module in "$@"; do
        case $runtime in
        python3) system_python -c "import $module" ;;
        perl) perl "-M$module" -e 1 ;;
        ruby) ruby -e "require '$module'" ;;
        lua5.4) lua5.4 -e "require('$module')" ;;
        php) php -m | grep -qx "$module" ;;
        *) false ;;
        esac >/dev/null 2>&1 || return 1
    done
}

has_postgres() {
    has_file /usr/lib/postgresql/*/bin/initdb || has initdb
}

has_libssl_headers() {
    echo '#include <openssl/ssl.h>' | cc -E - >/dev/null 2>&1
}

has_go() {
    has go || return 1
    minor=$(go env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ "${minor:-0}" -ge "$GO_MINOR_MIN" ]
}

# Clang with the runtime of libFuzzer, which Debian packages by the compiler's version.
has_fuzzer() {
    has clang || return 1
    echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
        clang -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null
}

fuzzer_packages() {
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
    echo clang "libclang-rt-${version:-14}-dev"
}

# Named after the version that is here, or that Debian 12 is going to bring.
cpython_suite() {
    version=$(system_python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
    echo "libpython${version:-3.11}-testsuite"
}

# Debian packages of everything that is missing, one a line.
missing() {
    has cc || echo gcc libc6-dev
    has_libssl_headers || echo libssl-dev
    has readelf || echo binutils
    has make || echo make
    has node || echo nodejs npm
    has tshark || echo tshark
    has nginx || echo nginx-light
    has nghttp || echo nghttp2-client
    has nghttpd || echo nghttp2-server
    system_python -m pip --version >/dev/null 2>&1 || echo python3-pip
    has_postgres || echo postgresql
    has psql || echo postgresql-client
    has python3 || echo python3
    has_modules python3 psycopg2 ssl || echo python3-psycopg2
    has_modules python3 pika || echo python3-pika
    has_modules python3 flask || echo python3-flask
    has_modules python3 dns.message || echo python3-dnspython
    has_modules python3 cassandra lz4 || echo python3-cassandra python3-lz4
    has_modules python3 pymongo snappy zstandard || echo python3-pymongo python3-snappy python3-zstandard
    has_modules python3 pymysql MySQLdb || echo python3-pymysql python3-mysqldb
    has curl || echo curl
    has openssl || echo openssl
    has_fuzzer || fuzzer_packages
    has clang-tidy || echo clang-tidy
    has valgrind || echo valgrind
    has setpriv || echo util-linux
    has unshare || echo util-linux
    has mount || echo mount
    has git || echo git
    has wget || echo wget
    has gnutls-serv || echo gnutls-bin
    has_file /usr/include/gnutls/gnutls.h || echo libgnutls28-dev
    has selfserv || echo libnss3-tools
    has_file /usr/lib/*/libcurl-nss.so.4 || echo libcurl3-nss
    has_modules perl Sys::Syslog || echo perl
    has php || echo php-cli
    has apache2 || echo apache2
    has_file /usr/lib/apache2/modules/libphp*.so || echo libapache2-mod-php
    has_file /usr/sbin/php-fpm* || echo php-fpm
    has haproxy || echo haproxy
    has cgi-fcgi || echo libfcgi-bin
    has mariadbd || echo mariadb-server
    has redis-server || echo redis-server
    has redis-cli || echo redis-tools
    has_modules python3 redis || echo python3-redis
    has memcached || echo memcached
    has saslpasswd2 || echo sasl2-bin
    has memccat || echo libmemcached-tools
    has_modules python3 pymemcache || echo python3-pymemcache
    has_modules python3 pylibmc || echo python3-pylibmc
    has rabbitmqctl || echo rabbitmq-server
    has amqp-publish || echo amqp-tools
    has nats-server || echo nats-server
    has_file /usr/include/nats/nats.h || echo libnats-dev
    has socat || echo socat
    has dnsmasq || echo dnsmasq-base
    has named || echo bind9
    has dig || echo bind9-dnsutils
    has host || echo bind9-host
    has drill || echo ldnsutils
    has ip || echo iproute2
    has sshd || echo openssh-server
    has ssh || echo openssh-client
    has rsync || echo rsync
    has sudo || echo sudo
    has strace || echo strace
    has gdb || echo gdb
    has dpkg-scanpackages || echo dpkg-dev
    has start-stop-daemon || echo dpkg
    has sqlite3 || echo sqlite3
    has vim || echo vim
    has tmux || echo tmux
    has screen || echo screen
    has script || echo bsdutils
    has logger || echo bsdutils
    has man || echo man-db
    has col || echo bsdextrautils
    has less || echo less
    has systemd-run || echo systemd
    has bzip2 || echo bzip2
    has zstd || echo zstd
    has xz || echo xz-utils
    has musl-gcc || echo musl-tools
    has aarch64-linux-gnu-gcc || echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    has qemu-aarch64 || echo qemu-user
    [ "$(uname -m)" != x86_64 ] || has_file /lib/ld-linux.so.2 || echo libc6-i386
    has_file /usr/lib/*/libjemalloc.so.2 || echo libjemalloc2
    has_file /usr/lib/*/faketime/libfaketime.so.1 || echo libfaketime
    has fakeroot || echo fakeroot
    has nroff || echo groff-base
    has_file /etc/ssl/certs || echo ca-certificates
    has_go || echo golang-go
    has_modules python3 test.test_socket || cpython_suite
    has javac || echo default-jdk-headless
    has mvn || echo maven
    has_modules python3 ensurepip || echo python3-venv
    has ruby || echo ruby
    has_modules ruby webrick || echo ruby-webrick
    has_modules php curl sockets || echo php-cli php-curl
    has_modules php mysqli || echo php-cli php-mysql
    has_modules perl LWP IO::Socket::SSL || echo perl libwww-perl
    has tclsh || echo tcl
    has lua5.4 || echo lua5.4
    has_modules lua5.4 socket || echo lua-socket
    has escript || echo erlang-base
    has bash || echo bash
    has dash || echo dash
    # The long form of test/compat alone compiles Rust: 75 MB to fetch.
    [ "${OLLY_COMPAT:-}" != long ] || has rustc || echo rustc
}

install_packages() {
    export DEBIAN_FRONTEND=noninteractive
    echo 'wireshark-common wireshark-common/install-setuid boolean false' | debconf-set-selections
    # A server that its package starts would take a well-known port of this machine.
    export RUNLEVEL=1
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    apt-get install -y -qq --no-install-recommends $1 >/dev/null
}

packages=$(missing | tr '\n' ' ')
if [ -n "$packages" ] && [ "$(id -u)" -eq 0 ] && [ "${OLLY_TEST_INSTALL:-1}" != 0 ] && has apt-get
then
    echo "require: installing $packages"
    install_packages "$packages"
    packages=$(missing | tr '\n' ' ')
fi

if [ -n "$packages" ]; then
    echo "require: the tests need what is missing here: sudo apt-get install $packages" >&2
    if ! has_go; then
        echo "require: Go has to be 1.$GO_MINOR_MIN or newer (Debian 13 has it)" >&2
    fi
    exit 1
fi

if ! tshark -D 2>/dev/null | grep -q '\blo\b'; then
    echo "require: tshark may not capture on loopback: sudo usermod -aG wireshark $(id -un)," \
        "after sudo dpkg-reconfigure wireshark-common" >&2
    exit 1
fi

here=$(dirname "$0")

# in_background WHAT COMMAND...: registries let one wait, and the compiler has one thing to do.
in_background() {
    (
        what=$1
        shift
        if ! "$@"; then
            echo "require: $what could not be fetched" >&2
            exit 1
        fi
    ) &
    background="$background $!"
}

java_programs() {
    sh "$here/kafka-broker.sh" "$here/../build/kafka" && sh "$here/fetch.sh" make cassandra
}

background=
in_background "the C libraries of other Debian releases" \
    sh "$here/libc-roots.sh" "$here/../build/libc-roots" bullseye trixie
in_background "Kafka's broker, its clients or Cassandra" java_programs
in_background "gRPC's program in Go or FerretDB" sh "$here/fetch.sh" make go-grpc ferretdb
in_background "a client library of Python" sh "$here/fetch.sh" make grpcio overlay-clients
complete=true
for one in $background; do wait "$one" || complete=false; done
$complete
