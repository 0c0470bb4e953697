#!/bin/sh
# Runs every test: the library's in C, then all others. The last line is the sum, "N passed,
# N failed". Invariant: exit code 0 only when nothing failed and every suite ran to its end.
set -u
cd "$(dirname "$0")/.." || exit 1

passed=0
failed=0
report=$(mktemp)
trap 'rm -f "$report"' EXIT

# sum STATUS PASSED FAILED: a suite that breaks off without a failed test counts as one.
sum() {
    passed=$((passed + ${2:-0}))
    failed=$((failed + ${3:-0}))
    if [ "$1" -ne 0 ] && [ "${3:-0}" -eq 0 ]; then
        failed=$((failed + 1))
    fi
}

# follow COMMAND...: shows the output, keeps it in $report, answers with the command's status.
follow() {
    { "$@" 2>&1; echo $? >"$report.status"; } | tee "$report"
    status=$(cat "$report.status")
    rm -f "$report.status"
    return "$status"
}

for suite in run quality; do
    follow sh "libolly/test/$suite.sh" "build/libolly-$suite"
    sum $? "$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$report" | tail -n 1)" \
        "$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$report" | tail -n 1)"
done

# A busy machine is slower than a test's default of five seconds.
follow node_modules/.bin/bun test --timeout 300000
sum $? "$(sed -n 's/^ *\([0-9]*\) pass$/\1/p' "$report" | tail -n 1)" \
    "$(sed -n 's/^ *\([0-9]*\) fail$/\1/p' "$report" | tail -n 1)"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
