# tar with every compressor, parallel compressors, pipelines and processes by find and xargs.
# Every line that is written is a log record; there are fewer than the agent's queue holds.
set -eu
mkdir tree
seq 900 >tree/numbers
head -c 1000000 /usr/bin/env >tree/binary || true
for n in $(seq 40); do echo "file $n" >"tree/file$n"; done
ln -s file1 tree/link
for how in -z -j -J --zstd; do
    tar --sort=name --mtime=@0 --owner=0 --group=0 "$how" -cf "archive$how.tar" tree
    tar -tf "archive$how.tar" | sha256sum
    mkdir "out$how"
    tar -C "out$how" -xf "archive$how.tar"
    diff -r tree "out$how/tree"
done
find tree -type f -print0 | xargs -0 -P 4 -n 3 sha256sum | sort
find tree -name 'file*' -print0 | sort -z | xargs -0 -P 4 -I{} gzip -nk {}
find tree -name '*.gz' -exec gzip -t {} +
xz -T2 -k --block-size=1024 tree/numbers
xz -dc tree/numbers.xz | cmp - tree/numbers
split -n 4 tree/numbers part-
cat part-* | tee copy | sha256sum
sort -R --random-source=/usr/bin/env tree/numbers | sort -n --parallel=2 | uniq | wc -l
dd if=tree/numbers bs=100 count=20 status=none | od -c | tail -3
tar -cf - tree | (cd out-z && tar -xf - && ls tree | wc -l)
tar -tf missing.tar 2>&1 || echo "tar ends with $?"
yes "$(printf '%0500d' 0)" | head -300 | wc -c
seq 300 | awk '{ s += $1 } END { print s }'
sed -n '10,12p' tree/numbers
ls -R tree | head -20
grep -c 7 tree/numbers
timeout 0.1 sleep 10 || echo "timeout ends with $?"
