#!/bin/sh
# Instructions of each translation under callgrind, where valgrind is installed: they don't depend on the machine's load.
command -v valgrind >/dev/null || exit 0
echo "instructions:"
for mail in small japanese large; do
    for reader in translate gmime; do
        count=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect=measured "$1" --once $mail $reader 2>&1 |
            sed -n 's/.*Collected : //p')
        printf '%-10s %-16s %12s\n' "$mail" "$reader" "$count"
    done
done
