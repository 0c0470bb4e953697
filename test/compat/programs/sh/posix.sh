# Pipelines, here-documents, redirections, traps, background jobs: what every POSIX shell has.
# usage: SHELL posix.sh SHELL
set -u
shell=$1
directory=$(mktemp -d)
trap 'echo "on EXIT $?"; rm -rf "$directory"' EXIT

echo "pipeline: $(seq 1 500 | sort -rn | sed -n '1p;$p' | tr '\n' ' ')"
seq -f %0999.0f 1 300 | head -c 5; echo
yes "$(printf "%4000s" end)" | head -c 1000000 | wc -c
false | true; echo "status $?"
! true; echo "negated $?"
cat <<END | while read -r word rest; do echo "[$word] [$rest]"; done
first line here
second	$((6 * 7)) \$quoted
   blanks   kept  not
END
cat <<'END'
nothing $expands `here`
END
large=$(seq -f %0999.0f 1 300)
cat <<END | cksum
$large
END

exec 3>"$directory/out" 4<"$0"
echo "to 3" >&3
read -r line <&4
echo "from 4: $line"
exec 3>&- 4<&-
(echo "to closed 3" >&3) 2>/dev/null || echo "closed"
cat "$directory/out"
{ echo out; echo err >&2; } >"$directory/both" 2>&1
sort "$directory/both"
echo appended >>"$directory/both"
wc -l <"$directory/both"
exec 5<>"$directory/both"
read -r first <&5
printf 'over' >&5
exec 5>&-
cksum <"$directory/both"
cat /nonexistent/file 2>/dev/null || echo "cat failed"
(set -C; echo no >"$directory/both") 2>/dev/null || echo "not overwritten"

for number in 3 1 2; do
    (exit "$number") &
    wait $!
    echo "job $number: $?"
done
sleep 30 &
until grep -q sleep "/proc/$!/comm"; do :; done
kill -TERM $!
wait $! 2>/dev/null
echo "killed $?"
trap 'echo "caught USR1"' USR1
kill -USR1 $$
( trap - EXIT; trap 'echo "child caught TERM"; exit 9' TERM; pid=$(exec sh -c 'echo $PPID')
  kill -TERM "$pid"; sleep 1 )
echo "subshell $?"

mkfifo "$directory/fifo"
(cat "$directory/fifo"; echo "reader ends") &
echo "through a fifo" >"$directory/fifo"
wait

"$shell" -c 'set -e; echo before; (exit 3); echo not reached'
echo "set -e $?"
{ "$shell" -c 'kill -KILL $$'; } 2>/dev/null
echo "SIGKILL $?"
"$shell" -c 'echo "$0 $1"; exec echo "replaced"' name argument
"$shell" -c 'trap "" PIPE; seq -f %0999.0f 1 300 2>/dev/null; echo "seq $?" >&2' | head -c 5
no-such-program 2>/dev/null
echo "not found $?"
printf '%s\n' "read to the end:"
count=0
while read -r line; do count=$((count + 1)); done
echo "$count lines"
echo "posix.sh ends" >&2
exit 12
