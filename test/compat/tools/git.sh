# A repository, its clones by file:// and by git's own protocol, push, fetch, gc.
set -eu
export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@localhost
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@localhost
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000'
git config --global init.defaultBranch main
git config --global gc.auto 0
git init -q one
cd one
for n in $(seq 30); do
    seq "$n" $((n + 400)) >"file$((n % 7))"
    git add .
    git commit -qm "commit $n"
done
git checkout -qb side HEAD~5
echo side >side
git add side
git commit -qm side
git checkout -q main
git merge -q --no-edit side
git log --oneline --graph | head -15
git diff --stat HEAD~10
git grep -c 40 HEAD
git gc -q
git fsck 2>&1
cd ..
git clone -q --mirror one bare.git
git clone -q "file://$PWD/bare.git" by-file
git -C by-file rev-parse HEAD
git daemon --reuseaddr --listen=127.0.0.1 --port="$PORT_ONE" --base-path="$PWD" --export-all \
    --enable=receive-pack --pid-file=daemon.pid --detach
until git ls-remote "git://127.0.0.1:$PORT_ONE/bare.git" >refs 2>/dev/null; do sleep 0.05; done
cat refs
git clone -q "git://127.0.0.1:$PORT_ONE/bare.git" by-daemon
git clone -q --depth 3 "git://127.0.0.1:$PORT_ONE/bare.git" shallow
git -C shallow rev-list --count HEAD
cd by-daemon
echo pushed >pushed
git add pushed
git commit -qm pushed
git push -q origin main
git -C ../by-file pull -q
git -C ../by-file log -1 --format=%H%s
git archive HEAD | tar -t | sort | head
git clone -q "git://127.0.0.1:$PORT_ONE/missing.git" 2>&1 || echo "git ends with $?"
kill "$(cat ../daemon.pid)"
while kill -0 "$(cat ../daemon.pid)" 2>/dev/null; do sleep 0.05; done
cd ..
rm -rf ./*/.git/index bare.git by-daemon/.git by-file/.git shallow/.git one/.git daemon.pid
