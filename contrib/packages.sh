# Sourced by quickstart and check: the Debian packages each needs, and how to get them.

build_packages="autoconf automake gcc make pkg-config libc6-dev python3
 libglib2.0-dev libuv1-dev libcurl4-openssl-dev libgmime-3.0-dev libcjson-dev libxml2-dev
 libarchive-dev libmicrohttpd-dev libsqlite3-dev libxxhash-dev libssl-dev libgsasl-dev libcrypt-dev
 libseccomp-dev"

test_packages="clang libclang-rt-14-dev llvm mandoc universal-ctags openssl procps xz-utils strace
 curl swaks msmtp s-nail php-cli postfix
 cron bsd-mailx mutt git git-email libmime-lite-perl libemail-sender-perl libphp-phpmailer php-symfony-mailer
 smartmontools unattended-upgrades monitoring-plugins-standard fail2ban
 e2fsprogs xfsprogs faketime iproute2 prometheus
 haproxy nodejs node-nodemailer libauthen-sasl-perl libio-socket-ssl-perl libsasl2-modules
 libgnutls-dane0 libidn12 libnsl2 libpcre2-8-0 libdb5.3 libevent-2.1-7 libpam0g
 dpkg-dev debootstrap"

# Mail servers, of which a machine can have one: their files are unpacked into a folder; the libraries they need are above.
peer_packages="exim4-daemon-light opensmtpd dma nullmailer"

# install PACKAGE…: only what is missing; services that come along are not started.
install_packages() {
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    echo "installing:$missing"
    as_root=
    if [ "$(id -u)" != 0 ]; then as_root=sudo; fi
    log=$(mktemp)
    # Services that come along stay off, and a mail server among the test peers stays unconfigured.
    policy=/usr/sbin/policy-rc.d
    [ -e $policy ] && ours= || ours=$policy
    [ -z "$ours" ] || { printf '#!/bin/sh\nexit 101\n' | $as_root tee $ours >/dev/null; $as_root chmod 755 $ours; }
    echo "postfix postfix/main_mailer_type select No configuration" | $as_root debconf-set-selections || :
    $as_root apt-get update -q >"$log" 2>&1 &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >>"$log" 2>&1
    status=$?
    [ -z "$ours" ] || $as_root rm -f $ours
    if [ $status = 0 ]; then rm -f "$log"; return 0; fi
    tail -n 20 "$log" >&2
    echo "packages could not be installed; see $log" >&2
    return 1
}

# download PACKAGE: its file, into this folder.
download() {
    as_root=
    if [ "$(id -u)" != 0 ]; then as_root=sudo; fi
    apt-get download -q "$1" || { $as_root apt-get update -q && apt-get download -q "$1"; }
}

# unpack_packages FOLDER PACKAGE…: each into FOLDER/PACKAGE, unless it is there; nothing of it is run.
unpack_packages() {
    folder=$1
    shift
    for package in "$@"; do
        [ ! -d "$folder/$package" ] || continue
        echo "unpacking: $package"
        rm -rf "$folder/new"
        mkdir -p "$folder/new/files"
        (cd "$folder/new" && download "$package" >log 2>&1 && dpkg -x "$package"_*.deb files) || {
            tail -n 5 "$folder/new/log" >&2
            return 1
        }
        mv "$folder/new/files" "$folder/$package"
    done
    rm -rf "$folder/new"
}
