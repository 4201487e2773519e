#!/bin/sh
# Each attack (A01 to A100; there is no A79 and no A80) and each fault (F01 to F18) of the list that this program is held
# against is in the title of a test: the name of a function, the first column of a table's row, a comment of a conversation.
set -u
cd "${TOP_SRCDIR:-.}" || exit 99
. tests/tap.sh

titles=$({
    grep -hE '^ *def test_|^    \("[AF][0-9]+"' tests/*/*_test.py
    grep -hE '^ *(TEST|g_test_add[a-z_]*) *\(' tests/*/*_test.c
    grep -hE '^#' tests/smtp/*.chat
} | grep -oE '[AF][0-9]{2,3}' | sort -u)

missing() {
    for id in $(seq -f "$1%02g" 1 "$2"); do
        case $id in A79 | A80) continue ;; esac
        echo "$titles" | grep -qx "$id" || echo "$id"
    done
}

report "each attack has a test" "$(missing A 100)"
report "each fault has a test" "$(missing F 18)"
echo "1..$n"
exit $failed
