# A package, a repository of it, and apt-get and dpkg that install it into a root of its own.
set -eu
export SOURCE_DATE_EPOCH=1700000000 DEBIAN_FRONTEND=noninteractive
architecture=$(dpkg --print-architecture)
build() {
    mkdir -p "$1/DEBIAN" "$1/usr/share/$1"
    echo "of $1" >"$1/usr/share/$1/content"
    printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: A <a@localhost>\nDescription: x\n' \
        "$1" "$2" "$architecture" >"$1/DEBIAN/control"
    [ -z "${3:-}" ] || echo "Depends: $3" >>"$1/DEBIAN/control"
    find "$1" -exec touch -d @1700000000 {} +
    dpkg-deb --root-owner-group -b "$1" repository
}
mkdir repository
build olly-one 1.0
build olly-two 2.0 olly-one
(cd repository && dpkg-scanpackages . /dev/null >Packages)
cat repository/Packages

mkdir -p root/var/lib/dpkg root/var/lib/apt/lists/partial root/var/cache/apt/archives/partial
mkdir -p root/etc/apt/apt.conf.d root/etc/apt/preferences.d root/var/log/apt
: >root/var/lib/dpkg/status
echo "deb [trusted=yes] file:$PWD/repository ./" >root/etc/apt/sources.list
apt() {
    apt-get -o Dir="$PWD/root" -o Dir::State::status="$PWD/root/var/lib/dpkg/status" \
        -o Dir::Etc::sourceparts=- -o DPkg::Options::=--root="$PWD/root" \
        -o DPkg::Options::=--force-not-root -o DPkg::Options::=--force-script-chrootless \
        -o DPkg::Options::=--log=/dev/null -o APT::Sandbox::User= -o Debug::NoLocking=1 \
        -o Dir::Log::Terminal= -o Dir::Log::History= -o Acquire::Languages=none \
        -o APT::Install-Recommends=0 "$@" 2>&1
}
apt update
apt -s install olly-two
apt download olly-two
apt install -y olly-two
find root/usr -type f -exec cat {} +
dpkg --root="$PWD/root" -l 'olly*'
apt remove -y olly-one
dpkg --root="$PWD/root" --force-not-root --log=/dev/null -i repository/olly-one_1.0_"$architecture".deb
dpkg --root="$PWD/root" -s olly-one
apt install -y missing || echo "apt-get ends with $?"
dpkg-deb -I olly-two_2.0_"$architecture".deb
dpkg-deb -x olly-two_2.0_"$architecture".deb extracted
rm -rf root
