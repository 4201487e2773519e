# Sourced by the tests in shell: TAP lines for lists of offenders.
n=0
failed=0

# report DESCRIPTION OFFENDERS: ok if there are none.
report() {
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        failed=1
        echo "not ok $n - $1"
        echo "$2" | sed 's/^/# /'
    fi
}
