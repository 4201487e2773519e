#!/bin/sh
# What systemd makes of the files we give it: the user, the folders and their modes, the unit.
. "$TOP_SRCDIR/tests/tap.sh"
units=$TOP_BUILDDIR/contrib/systemd
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

skip() {
    n=$((n + 1))
    echo "ok $n - $1 # SKIP $2"
}

# One line for each folder that is not as wanted.
modes() {
    uid=$(awk -F: '$1 == "shimta" { print $3 }' "$root/etc/passwd")
    while read -r mode path; do
        found=$(stat -c '%a %u' "$root$path" 2>&1)
        [ "$found" = "$mode $uid" ] || echo "$path: $found, wanted $mode $uid"
    done <<EOF
755 $runstate/shimta
711 $state/shimta
700 $state/shimta/queue
700 $state/shimta/journal
1733 $state/shimta/drop
EOF
}

echo 1..4
name="the user and the folders"
if [ "$(id -u)" != 0 ] || ! command -v systemd-sysusers >/dev/null || ! command -v systemd-tmpfiles >/dev/null; then
    skip "$name" "needs root, systemd-sysusers and systemd-tmpfiles"
else
    runstate=$(awk '$1 == "d" { sub("/shimta$", "", $2); print $2; exit }' "$units/shimta.tmpfiles")
    state=$(awk '$1 == "d" && $3 == "0711" { sub("/shimta$", "", $2); print $2 }' "$units/shimta.tmpfiles")
    mkdir -p "$root/etc" "$root/usr/lib/sysusers.d" "$root/usr/lib/tmpfiles.d"
    cp "$TOP_SRCDIR/contrib/systemd/shimta.sysusers" "$root/usr/lib/sysusers.d/shimta.conf"
    cp "$units/shimta.tmpfiles" "$root/usr/lib/tmpfiles.d/shimta.conf"
    made=$(systemd-sysusers --root="$root" shimta.conf 2>&1 >/dev/null | grep -v '^Creating ')
    made=$made$(umask 077; systemd-tmpfiles --root="$root" --create shimta.conf 2>&1)
    report "$name" "$made$(modes)"
fi

# Not among @system-service before systemd 253: without them the daemon could not confine itself.
report "the unit lets the daemon confine itself" "$(
    for call in landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp; do
        grep -q "^SystemCallFilter=[^~].*\b$call\b" "$units/shimtad.service" || echo "SystemCallFilter= lacks $call"
    done)"

if ! command -v systemd-analyze >/dev/null; then
    skip "the unit" "there is no systemd-analyze"
    skip "how much the unit may do" "there is no systemd-analyze"
    exit 0
fi
sed 's|^ExecStart=.*|ExecStart=/bin/true|' "$units/shimtad.service" >"$root/shimtad.service"
cp "$TOP_SRCDIR/contrib/systemd/shimtad.socket" "$root/"
report "the unit" "$(systemd-analyze verify --man=no "$root/shimtad.service" "$root/shimtad.socket" 2>&1 |
    grep -F "$root/shimtad")"
score=$(systemd-analyze security --offline=yes --no-pager "$root/shimtad.service" 2>&1 |
    sed -n 's/.*Overall exposure level.*: \([0-9.]*\) .*/\1/p')
report "how much the unit may do" "$(awk -v "score=$score" 'BEGIN {
    if (score == "" || score + 0 > 2) print "exposure level is " score ", should be at most 2" }')"
exit "$failed"
