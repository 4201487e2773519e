#!/bin/sh
# Holds every #include of src/ against layers.txt. TAP.
set -u
cd "${TOP_SRCDIR:-.}" || exit 99
table=tests/layers.txt
. tests/tap.sh

for folder in src/*/; do
    folder=${folder#src/}
    folder=${folder%/}
    allowed=$(sed -n "s/^$folder://p" $table)
    grep -q "^$folder:" $table || { report "$folder is in $table" "src/$folder/"; continue; }
    pattern="$folder/"
    for lower in $allowed; do pattern="$pattern|$lower/"; done
    pattern="$pattern|config\.h"
    report "src/$folder includes only: ${allowed:-nothing else}" \
        "$(grep -nE '^#include "' src/"$folder"/*.[ch] 2>/dev/null | grep -vE "#include \"($pattern)" || true)"
done

while read -r header places; do
    case $header in '<'*) ;; *) continue ;; esac
    offenders=$(grep -nF "#include $header" src/*/*.[ch] | while IFS= read -r hit; do
        file=${hit%%:*}
        file=${file#src/}
        for place in $places; do
            case $place in
            */) case $file in "$place"*) continue 2 ;; esac ;;
            *) [ "$file" = "$place" ] && continue 2 ;;
            esac
        done
        echo "$hit"
    done)
    report "$header…> only in $places" "$offenders"
done <$table

echo "1..$n"
exit $failed
