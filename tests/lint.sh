#!/bin/sh
# Holds the tail of the code short: functions of at most 60 lines, files of at most 500, headers of 150;
# no shell started from C; no printf of user data as a format. TAP; needs universal-ctags.
set -u
cd "${TOP_SRCDIR:-.}" || exit 99
. tests/tap.sh

report "files of at most 500 lines" \
    "$(wc -l src/*/*.c tests/*/*.c tests/*/*.py 2>/dev/null | awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines" }')"
report "headers of at most 150 lines" \
    "$(wc -l src/*/*.h | awk '$2 != "total" && $1 > 150 { print $2 ": " $1 " lines" }')"
report "no shell is started" "$(grep -nE '\b(system|popen|execlp?|g_spawn_command_line_[a-z]+) *\(' src/*/*.c || true)"
report "no promises are left in the code" "$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' src/*/*.[ch] tests/*/*.[ch] tests/*/*.py || true)"

if ctags --version 2>/dev/null | grep -q Universal; then
    report "functions of at most 60 lines" "$(ctags --languages=C --kinds-C=f --fields=+ne -f - src/*/*.c | awk -F'\t' '{
        line = end = 0
        for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) line = substr($i, 6); if ($i ~ /^end:/) end = substr($i, 5) }
        if (end - line + 1 > 60) print $2 ":" line ": " $1 " has " end - line + 1 " lines" }')"
else
    n=$((n + 1))
    echo "ok $n - functions of at most 60 lines # SKIP universal-ctags is missing"
fi

echo "1..$n"
exit $failed
