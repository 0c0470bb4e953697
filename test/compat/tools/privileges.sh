# sudo and programs that change the user: their own environment, exit codes, refusals.
set -u
end() {
    "$@"
    echo "$1 $2 ends with $?"
}
end sudo -n true
end sudo -n -l
end sudo -n env | sort
end sudo -n sh -c 'exit 9'
end sudo -n sh -c 'kill -TERM $$'
end sudo -n -u nobody id
end sudo -n -u nobody sh -c 'echo "$USER"; seq 1000 | tail -1'
seq 500 | end sudo -n cat | sha256sum
end setpriv --reuid=65534 --regid=65534 --clear-groups sudo -n true
end setpriv --reuid=65534 --regid=65534 --clear-groups id
end setpriv --no-new-privs sudo -n true
end su nobody -s /bin/sh -c 'id; echo of su'
end unshare --user --map-root-user id
end nice -n 5 sh -c 'echo nice'
end env -i /bin/sh -c 'env | sort; echo "no environment"'
end setsid -w sh -c 'exit 4'
