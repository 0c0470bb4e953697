#!/bin/sh
# The C libraries of other Debian releases: libc-roots.sh DIRECTORY RELEASE...
# Each DIRECTORY/RELEASE gets the files of PACKAGES, by apt from the mirror that this system uses,
# with lists and a cache of its own: nothing is installed. What is complete is kept.
set -eu
directory=$1
shift
PACKAGES="libc6 libcrypt1 perl-base mawk dash"

mirror() {
    apt-get indextargets --format '$(REPO_URI) $(LABEL)' 2>/dev/null | sed -n 's/ Debian$//p' |
        head -n 1
}

# apt with state of its own, in $state
private_apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State="$state" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache" \
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o APT::Update::Post-Invoke= \
        -o DPkg::Post-Invoke= "$@"
}

fetch() { # RELEASE
    state=$draft/state
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$draft/packages"
    : >"$state/status"
    echo "deb $uri $1 main" >"$state/sources.list"
    private_apt update
    # shellcheck disable=SC2086 # a list of words
    (cd "$draft/packages" && private_apt download $PACKAGES)
    # Two of them would write through the same link.
    mkdir -p "$draft/root/usr/bin" "$draft/root/usr/lib" "$draft/root/usr/lib64"
    for name in bin lib lib64; do ln -sfn "usr/$name" "$draft/root/$name"; done
    for package in "$draft"/packages/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar -x -C "$draft/root" --keep-directory-symlink
    done
    mv "$draft/root" "$directory/$1"
}

uri=$(mirror)
[ -n "$uri" ] || { echo "libc-roots: no mirror of Debian is configured" >&2; exit 1; }
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
for release; do
    [ -d "$directory/$release" ] && continue
    draft=$(mktemp -d "$directory/.draft-XXXXXX")
    trap 'rm -rf "$draft"' EXIT
    fetch "$release"
    rm -rf "$draft"
done
