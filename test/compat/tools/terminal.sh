# Programs that want a terminal, go into the background or are driven by scripts.
set -eu
script -qec 'tty >/dev/null && echo "a terminal"; stty size >/dev/null; exit 5' typed || echo "script ends with $?"
seq 300 >numbers
less numbers | tail -2
man --warnings -l /dev/null 2>&1 | head -5
printf '.TH OLLY 1\n.SH NAME\nolly \\- a page\n' >page.1
man -P cat -l page.1 | col -b
printf 'set nobackup\n' >vimrc
vim -u vimrc -es -i NONE -c '%s/1/one/g' -c 'wq! edited' numbers </dev/null
sha256sum edited
sqlite3 base.sqlite 'CREATE TABLE t (a, b); CREATE INDEX i ON t (a);' \
    "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000) INSERT INTO t SELECT n, 'v' || n FROM c;" \
    'PRAGMA journal_mode = wal; SELECT count(*), sum(a) FROM t; PRAGMA integrity_check;'
sqlite3 base.sqlite .dump | sha256sum
sqlite3 base.sqlite 'SELECT * FROM missing' 2>&1 || echo "sqlite3 ends with $?"
rm base.sqlite

export TMUX_TMPDIR="$PWD"
tmux -f /dev/null new-session -d -x 80 -y 24 'echo "in tmux"; cat numbers | tail -1; exec cat'
tmux send-keys typed Enter
until tmux capture-pane -p | grep -c typed | grep -q 2; do sleep 0.05; done
tmux capture-pane -p | grep 'in tmux'
tmux kill-server
export SCREENDIR="$PWD/screens"
mkdir -m 700 screens
screen -c /dev/null -dmS olly sh -c 'echo "in screen" >from-screen'
until [ -s from-screen ]; do sleep 0.05; done
cat from-screen

cat >daemon.sh <<'DAEMON'
trap 'echo stopped >>daemon.log; exit 0' TERM
echo started >>daemon.log
while :; do sleep 0.05; done
DAEMON
start-stop-daemon --start --background --make-pidfile --pidfile "$PWD/daemon.pid" \
    --chdir "$PWD" --exec /bin/sh -- "$PWD/daemon.sh"
until grep -q started daemon.log 2>/dev/null; do sleep 0.05; done
start-stop-daemon --status --pidfile "$PWD/daemon.pid"
start-stop-daemon --stop --retry 120 --quiet --pidfile "$PWD/daemon.pid"
cat daemon.log
start-stop-daemon --status --pidfile "$PWD/daemon.pid" || echo "status is $?"
rm -f daemon.pid typed paged
logger --no-act -s -t olly 'a message of logger' 2>&1 | sed 's/^<[0-9]*>[A-Z][a-z]* *[0-9]* [0-9:]* //'
systemd-analyze calendar --iterations=0 '2030-01-01 00:00' 2>&1 | grep -v -e left -e now
systemd-notify --ready 2>&1 || echo "systemd-notify ends with $?"
systemd-run --wait true >systemd-run 2>&1 || echo "systemd-run ends with $?"
