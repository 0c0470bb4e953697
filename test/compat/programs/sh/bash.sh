# What bash has beyond POSIX: process substitution, coprocesses, /dev/tcp, mapfile, wait -n, job control.
set -uo pipefail
trap 'echo "on EXIT $?"' EXIT

diff <(seq 1 5) <(seq 2 6)
echo "diff $?"
tee >(tr a-z A-Z | sed 's/^/upper /') >(wc -c | sed 's/^ */count /') <<<"a string here" >/dev/null | sort
{ seq 1 100 | tee >(tail -n 1 >&3) | wc -l; } 3>&1 | sort
coproc UPPER { while read -r line; do echo "${line^^}"; done; }
for word in one two three; do
    echo "$word" >&"${UPPER[1]}"
    read -r answer <&"${UPPER[0]}"
    echo "coproc $answer"
done
input=${UPPER[1]} pid=$UPPER_PID
exec {input}>&-
wait "$pid"
echo "coproc $?"
mapfile -t lines < <(seq 1 1000)
echo "${#lines[@]} ${lines[999]}"
false | true | false
echo "pipefail $? ${PIPESTATUS[*]}"
read -r -t 0.05 never < <(exec sleep 0.5) || echo "read $((${?} > 128))"
IFS=, read -r -n 5 part <<<"abc,defgh"
echo "part $part"
for code in 4 4 4; do (exit $code) & done
for _ in 1 2 3; do wait -n; echo "wait -n $?"; done
exec {saved}>&1 >/dev/stderr
echo "on stderr"
exec >&"$saved" {saved}>&-
echo "on stdout"
printf -v text '%s-' {1..5}
echo "$text"
(echo "to nobody" >/dev/tcp/127.0.0.1/1) 2>/dev/null || echo "refused"
(
    # When bash learns of a stop and of an end is up to the scheduler: it may say so on stderr, may let
    # `wait` return for the stop, and has no name for a job that has ended, only its pid.
    set -m
    sleep 30 &
    job=$!
    until grep -q sleep "/proc/$job/comm"; do :; done
    kill -STOP %sleep
    until grep -q "^State:.T" "/proc/$job/status"; do :; done
    kill -TERM %sleep
    kill -CONT "$job"
    wait "$job"
    code=$?
    while [ "$code" -eq 147 ]; do
        wait "$job"
        code=$?
    done
    echo "job $code"
) 2>/dev/null
shopt -s lastpipe
seq 1 10 | while read -r number; do sum=$((${sum:-0} + number)); done
echo "sum $sum"
echo "$(<"$0")" | cksum
timeout 0.1 sleep 30
echo "timeout $?"
printf '%s\0' a "b c" d | xargs -0 -n 1 echo item
echo "${BASH_SOURCE[0]##*/} ends" >&2
