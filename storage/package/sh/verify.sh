#!/bin/sh
# Checks a package exported by Nightjar, without Nightjar and without a network.
#
#   sh verify.sh [--key FINGERPRINT] [--admin FINGERPRINT] [--tsa-roots FOLDER] [PACKAGE]
#
# PACKAGE is the folder (unpack a .zip first); default: where this script lies. Better than the copy in a
# package that you do not trust yet is a copy that you had before. Needs a POSIX shell and utilities
# (sed, awk, grep, find, sort, od, tr), coreutils (sha256sum, base64, mktemp), openssl 3 and gzip.
# Exit code 0: everything that was checked holds; 1: something does not; 2: it could not be checked
# (wrong use, a program that is missing or does not do what is needed, no room for temporary files).
# The format is described in docs/evidence.md of Nightjar.

LC_ALL=C
export LC_ALL
umask 077
unset CDPATH GREP_OPTIONS POSIXLY_CORRECT

usage="usage: sh verify.sh [--key FINGERPRINT] [--admin FINGERPRINT] [--tsa-roots FOLDER] [PACKAGE]"
stop() { echo "verify.sh: $*" >&2; exit 2; }
admin= pinned= roots= package=
while [ $# -gt 0 ]; do
    case $1 in
    --admin | --key | --tsa-roots) [ -n "${2-}" ] || stop "$1 needs a value" ;;
    -*) stop "$usage" ;;
    *) package=$1; shift; continue ;;
    esac
    case $1 in
    --admin) admin=$2 ;;
    --key) pinned=$2 ;;
    *) roots=$(cd -- "$2" 2>/dev/null && pwd) || stop "no folder $2" ;;
    esac
    shift 2
done
for tool in awk base64 cat cmp comm cp cut dirname find grep gzip head mkdir mktemp mv od openssl rm sed \
    sha256sum sort tail tr wc xargs; do
    command -v "$tool" >/dev/null || stop "$tool is missing"
done

T=$(mktemp -d) && T=$(cd -- "$T" && pwd -P) || stop "no folder for temporary files"
trap 'rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM

hexes() { od -An -v -tx1 | tr -d ' \n'; }
sha() { sha256sum | cut -c1-64; }
# nul: whether there is a zero byte in what it is given; shells and some awks lose what comes after one
nul() { [ "$(tr -dc '\000' | wc -c)" -ne 0 ]; }
# signed PEM SIGNATURE FILE
signed() {
    [ -f "$2" ] && [ -f "$3" ] && [ "$(wc -c <"$2")" -eq 64 ] &&
        openssl pkeyutl -verify -rawin -pubin -inkey "$1" -sigfile "$2" -in "$3" >/dev/null 2>&1
}
# A program that is there but does not work would let everything pass: each shows first that it finds a fault.
works() {
    mkdir "$T/try" && cd "$T/try" && printf 'a\nb\n' >1 && printf 'b\nc\n' >2 && cp 1 3 && mv 3 4 || return 1
    cmp -s 1 4 && ! cmp -s 1 2 && [ "$(comm -23 1 2)$(comm -13 1 2)" = ac ] || return 1
    [ "$(printf 'b\na\nb\n' | sort -u | tr '\n' .)" = a.b. ] && [ "$(printf '10\n9\n' | sort -n | tail -n 1)" = 10 ] || return 1
    [ "$(grep -v a 1)" = b ] && ! grep -q c 1 && [ "$(sed -n '2s/b/x/p' 1)" = x ] && [ "$(sed 1d 1)" = b ] || return 1
    [ "$(tail -c +3 1)" = b ] && [ "$(head -n 1 1)" = a ] && [ "$(head -c 3 1 | hexes)" = 610a62 ] || return 1
    [ "$(find . -type f | sort | xargs cat | wc -l)" -eq 6 ] && [ "$(dirname a/b)" = a ] && printf '\000' | nul && ! nul <1 || return 1
    [ "$(printf abc | sha)" = ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad ] || return 1
    [ "$(echo "$(printf abc | sha)  1" | sha256sum -c 2>/dev/null | grep -c ': OK$')" = 0 ] || return 1
    [ "$(printf abc | base64)" = YWJj ] && [ "$(echo YWJj | base64 -d)" = abc ] || return 1
    [ "$(awk '$1 ~ /^[b]$/ { n++; print $1, n } END { exit 3 }' 1)" = "b 1" ] && ! awk 'BEGIN { exit 1 }' || return 1
    ! gzip -t <1 2>/dev/null && [ "$(gzip -c 1 | gzip -dc)" = "$(cat 1)" ] && rm 2 && [ ! -e 2 ]
}
# RFC 8032, 7.1, test 2: an Ed25519 signature over the letter r
signs() {
    printf '%s\n' '-----BEGIN PUBLIC KEY-----' MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw= \
        '-----END PUBLIC KEY-----' >"$T/try/pem"
    printf '%s%s' kqAJqfDUyrhyDoILX2QlQKKye1QWUD+Ps3YiI+vbadoIWsHkPhWZbkWP \
        NhPQ8R2MOHsurrQwKu6wDSkWErsMAA== | base64 -d >"$T/try/signature"
    printf r >"$T/try/right" && printf s >"$T/try/wrong"
    signed "$T/try/pem" "$T/try/signature" "$T/try/right" && ! signed "$T/try/pem" "$T/try/signature" "$T/try/wrong"
}
(works) || stop "a program of this system does not do what is needed here, or there is no room in $T"
signs || stop "openssl cannot check Ed25519 signatures: openssl 3 is needed ($(openssl version))"

# digits OPTION TEXT: a fingerprint in its one form; colons, spaces and capital letters are not wrong
digits() {
    printf '%s' "$2" | tr -d ': \t\n' | tr ABCDEF abcdef | grep -x '[0-9a-f]\{64\}' ||
        stop "$1: a fingerprint has 64 hexadecimal digits, not '$2'"
}
[ -z "$admin" ] || admin=$(digits --admin "$admin") || exit 2
[ -z "$pinned" ] || pinned=$(digits --key "$pinned") || exit 2
if [ -f "$package" ]; then
    case $(head -c 21 <"$package" | tr -d '\000') in
    age-encryption.org/v1) stop "$package is encrypted: age -d -i KEYFILE -o package.zip $package, then unpack package.zip and give its folder" ;;
    PK*) stop "$package is an archive: unpack it first (unzip $package -d FOLDER), then sh verify.sh FOLDER" ;;
    esac
    stop "$package is a file: give the folder of a package"
fi
cd -- "${package:-$(dirname -- "$0")}" 2>/dev/null || stop "there is no folder $package"
case $T/ in "$(pwd -P)"/*) stop "temporary files would lie in the package: set TMPDIR to another folder" ;; esac

broken=0 first= step=
whole() { [ "$at" -ne "$broken" ] || echo "whole   $step: $*"; }
bad() {
    broken=$((broken + 1))
    case $((broken - at)) in
    21) echo "BROKEN  $step: and more of it" ;;
    ? | 1? | 20) echo "BROKEN  $step: $*" ;;
    esac
    [ -n "$first" ] || first="$step: $*"
}
remark() { echo "note    $*"; }
# room: a full disk makes no verdict; what was not written before would pass
: >"$T/sound"
room() {
    [ -f "$T/sound" ] && head -c 65536 /dev/zero >"$T/room" && [ "$(wc -c <"$T/room")" -eq 65536 ] ||
        stop "no room for temporary files in $T: nothing that was said counts"
}
begin() { room; step=$1 at=$broken; }
end() {
    room
    if [ "$broken" -eq 0 ]; then
        echo "everything that was checked is whole$late"
        exit 0
    fi
    echo "NOT WHOLE. The first thing that does not hold: $first"
    echo "What is marked whole above still holds."
    exit 1
}
late=

# epoch TEXT: seconds since 1970 of a time as Nightjar or as openssl writes it; fails for any other text
epoch() {
    printf '%s\n' "$1" | awk '
        /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9][0-9][0-9][0-9][0-9][0-9]Z$/ {
            split($0, t, /[-T:Z]/)
        }
        /^[A-Z][a-z][a-z] +[0-9]+ [0-9][0-9]:[0-9][0-9]:[0-9][0-9](\.[0-9]+)? [0-9][0-9][0-9][0-9] GMT$/ {
            split($3, u, /:/)
            t[1] = $4; t[2] = (index("JanFebMarAprMayJunJulAugSepOctNovDec", $1) + 2) / 3; t[3] = $2
            for (i = 1; i <= 3; i++) t[i + 3] = u[i]
        }
        END {
            y = t[1] + 0; m = t[2] + 0; d = t[3] + 0
            days = 28 + (m == 2 ? y % 4 == 0 && y % 100 != 0 || y % 400 == 0 : m == 4 || m == 6 || m == 9 || m == 11 ? 2 : 3)
            if (NR != 1 || y < 1 || m != int(m) || m < 1 || m > 12 || d < 1 || d > days || t[4] > 23 || t[5] > 59 || t[6] >= 60) exit 1
            # days since 1970-03-01 by years that begin in March
            if (m < 3) { y--; m += 12 }
            printf "%.6f\n", (365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 719469) * 86400 + \
                t[4] * 3600 + t[5] * 60 + t[6]
        }'
}

# --- which files there are --------------------------------------------------------------

begin files
if [ -n "$(find . ! -type d ! -type f | head -n 1)" ]; then
    bad "there is something that is neither file nor folder (a link?); nothing else was looked at"
    end
fi
line='^[0-9a-f]\{64\}  [A-Za-z0-9_-][A-Za-z0-9._/-]*$'
# listing NAME N OUT: the lines of a list after the first N; none of them when one is not as it must be
listing() {
    : >"$3"
    if [ ! -f "$1" ]; then
        bad "$1 is missing"
    elif [ "$(tail -c 1 "$1" | hexes)" != 0a ] || nul <"$1"; then
        bad "$1 is cut or damaged"
    elif tail -n +$(($2 + 1)) "$1" >"$T/lines" && grep -v "$line" "$T/lines" >/dev/null || grep '\.\.' "$T/lines" >/dev/null; then
        bad "$1 has a line that is not a SHA-256 and a name"
    else
        cp "$T/lines" "$3"
    fi
}
listing manifest-sha256.txt 0 "$T/listed"
listing tagmanifest-sha256.txt 0 "$T/tagged"
listing seal.txt 5 "$T/sealed"
sed 's/^.\{66\}//' "$T/tagged" | tr '\n' ' ' >"$T/tags"
[ "$(cat "$T/tags")" = "README.txt bag-info.txt bagit.txt manifest-sha256.txt verify.sh " ] ||
    bad "tagmanifest-sha256.txt does not list the five tag files, in order"
sed 's/^.\{66\}//' "$T/sealed" | tr '\n' ' ' >"$T/tags"
[ "$(cat "$T/tags")" = "signatures/tagmanifest.minisig signatures/tagmanifest.sig signatures/tagmanifest.signify signatures/tagmanifest.sshsig tagmanifest-sha256.txt " ] ||
    bad "seal.txt does not list the signatures and the tag manifest, in order"
sed 's/^.\{66\}//' "$T/listed" >"$T/payload"
number='[1-9][0-9]{0,14}'
names="^data/(files/[0-9a-f]{64}([.][a-z0-9]{1,8})?|targets/[0-9a-f]{64}[.]json|evidence/[0-9a-f]{32}/[a-z.]+|schema/[a-z.-]+[.]json|report/report[.]html"
names="$names|log/(checkpoint|leaves[.]txt|entries[.]jsonl|checkpoints/$number|consistency/$number-$number)"
names="$names|time/(status[.]json|$number-[^/]+[.]ts[qr]|roots/[^/]+[.]pem)|warc/nightjar[.]warc[.]gz|wacz/nightjar[.]wacz"
names="$names|keys/(allowed_signers|daemon[.](minisign|signify)[.]pub|(old/$number/)?((daemon|admin)[.]pub[.]pem|certificate[.]note))"
names="$names|case/(case[.]json|case[.]jsonld|posts[.]csv))\$"
grep -Ev "$names" "$T/payload" >"$T/wrong"
while IFS= read -r name; do bad "a name that no file of a package has: $name"; done <"$T/wrong"
sort -u "$T/payload" | cmp -s - "$T/payload" || bad "manifest-sha256.txt is not sorted, or names a file twice"
{
    echo ./seal.txt
    echo ./seal.sig
    cat "$T/listed" "$T/tagged" "$T/sealed" | sed 's/^.\{66\}/.\//'
} | sort >"$T/want"
find . -type f | sort >"$T/have"
find . -type d | awk -v have="$T/have" '
    BEGIN { while ((getline name < have) > 0) while (sub(/\/[^\/]*$/, "", name)) full[name] = 1 }
    !($0 in full)' >"$T/wrong"
while IFS= read -r name; do bad "a folder with nothing in it: $name"; done <"$T/wrong"
comm -23 "$T/want" "$T/have" >"$T/missing" && comm -13 "$T/want" "$T/have" >"$T/extra" || stop "comm failed"
while IFS= read -r name; do bad "missing: $name"; done <"$T/missing"
while IFS= read -r name; do bad "in no list: $name"; done <"$T/extra"
whole "all $(wc -l <"$T/want" | tr -d ' ') files of the lists are there, and no other"

# --- their bytes ------------------------------------------------------------------------

begin hashes
for list in "$T/tagged" "$T/listed" "$T/sealed"; do
    sha256sum -c "$list" >"$T/sums" 2>/dev/null
    grep -v ': OK$' "$T/sums" >"$T/wrong"
    while IFS= read -r name; do bad "not as it was listed: ${name%:*}"; done <"$T/wrong"
    [ "$(wc -l <"$T/sums")" -eq "$(wc -l <"$list")" ] || bad "not every file was hashed"
done
[ ! -s "$T/extra" ] || bad "$(wc -l <"$T/extra" | tr -d ' ') files are in no list that can be read"
awk '/  data\/files\// && substr($2, 12, 64) != $1 { print $2 }' "$T/listed" >"$T/wrong"
while IFS= read -r name; do bad "an original is not named by its hash: $name"; done <"$T/wrong"
whole "every file has the SHA-256 it is listed with"

begin bag
printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' | cmp -s - bagit.txt || bad "bagit.txt is not the one of BagIt 1.0"
oxum=$(find data -type f | xargs wc -c | awk '$2 != "total" { s += $1; n++ } END { printf "%.0f.%d", s, n }')
grep -qx "Payload-Oxum: $oxum" bag-info.txt || bad "bag-info.txt does not give $oxum as bytes and files"
whole "${oxum#*.} files of ${oxum%.*} bytes"

# --- keys and signatures ----------------------------------------------------------------

# raw_key PEM OUT: the 32 raw bytes of an Ed25519 public key in its one PEM form
raw_key() {
    openssl pkey -pubin -in "$1" -outform DER -out "$T/der" 2>/dev/null || return 1
    [ "$(head -c 12 "$T/der" | hexes)" = 302a300506032b6570032100 ] || return 1
    openssl pkey -pubin -in "$1" -outform PEM 2>/dev/null | cmp -s - "$1" || return 1
    tail -c +13 "$T/der" >"$2"
    [ "$(wc -c <"$2")" -eq 32 ]
}
# open_note FILE NAME PEM: the text of a C2SP signed note that this key signed, in $T/text
open_note() {
    raw_key "$3" "$T/raw" && [ -f "$1" ] || return 1
    [ "$(tail -c 1 "$1" | hexes)" = 0a ] || return 1
    if nul <"$1"; then return 1; fi
    gap=$(grep -n '^$' "$1" | tail -n 1 | cut -d: -f1)
    [ -n "$gap" ] && [ "$gap" -gt 1 ] || return 1
    head -n $((gap - 1)) "$1" >"$T/text"
    tail -n +$((gap + 1)) "$1" >"$T/signatures"
    [ -s "$T/signatures" ] || return 1
    if grep -v '^— [^ +]* [A-Za-z0-9+/]*=*$' "$T/signatures" >/dev/null; then return 1; fi
    mark=$({ printf '%s\n\001' "$2"; cat "$T/raw"; } | sha256sum | cut -c1-8)
    found=1
    while read -r _ name code; do
        printf '%s' "$code" | base64 -d >"$T/code" 2>/dev/null || return 1
        [ "$(base64 "$T/code" | tr -d '\n')" = "$code" ] || return 1
        [ "$name" = "$2" ] && [ "$(head -c 4 "$T/code" | hexes)" = "$mark" ] || continue
        tail -c +5 "$T/code" >"$T/signature"
        signed "$3" "$T/signature" "$T/text" || return 1
        found=0
    done <"$T/signatures"
    return $found
}

# certified RAW: whether the certificate in $T/text is about this key of this log
certified() {
    {
        printf 'nightjar key certificate v1\norigin %s\nname nightjar-%s\n' "$origin" "$origin"
        printf 'ed25519 %s\n' "$(base64 <"$1")"
        sed -n '5s/^from [0-9].*Z$/&/p' "$T/text"
    } | cmp -s - "$T/text" && epoch "$(sed -n '5s/^from //p' "$T/text")" >/dev/null
}

begin seal
key=data/keys/daemon.pub.pem
origin=$(sed -n '2s/^origin \([0-9a-f]\{32\}\)$/\1/p' seal.txt 2>/dev/null)
size=$(sed -n '4s/^checkpoint \([1-9][0-9]\{0,14\}\) [A-Za-z0-9+/]\{43\}=$/\1/p' seal.txt 2>/dev/null)
sealed_root=$(sed -n '4s/^checkpoint [0-9]* //p' seal.txt 2>/dev/null)
fingerprint=
if raw_key $key "$T/daemon"; then
    fingerprint=$(sha <"$T/daemon")
    signed $key seal.sig seal.txt || bad "seal.sig is not a signature of seal.txt by data/keys/daemon.pub.pem"
    signed $key signatures/tagmanifest.sig tagmanifest-sha256.txt || bad "signatures/tagmanifest.sig does not hold"
else
    bad "data/keys/daemon.pub.pem is missing or no Ed25519 key"
fi
[ "$(sed -n 1p seal.txt 2>/dev/null)" = "nightjar-package 1" ] && [ -n "$origin" ] && [ -n "$size" ] &&
    epoch "$(sed -n '3s/^exported-at \([0-9].*Z\)$/\1/p' seal.txt)" >/dev/null || bad "seal.txt has not the form of version 1"
[ "$(sed -n 5p seal.txt 2>/dev/null)" = "key $fingerprint" ] || bad "seal.txt names another key than data/keys/daemon.pub.pem"
# What other programs read beside a signature (a key, its number, comments) nobody signed: so each such file must
# be, byte for byte, what follows from key and signature.
plain() { base64 | tr -d '\n'; }
word() { printf "\\000\\000\\000\\$(printf %03o ${#1})"; printf %s "$1"; } # RFC 4251, section 5; here below 256 bytes
ssh_key() { word ssh-ed25519; printf '\000\000\000\040'; cat "$T/daemon"; }
ssh_head() { word nightjar; word ''; word sha512; }
numbered() { { printf Ed; cat "$T/number" "$1"; } | plain; }
other() { bad "$1 is not the one that follows from key and signature"; }
if [ -n "$fingerprint" ] && [ -f tagmanifest-sha256.txt ]; then
    openssl dgst -sha256 -binary "$T/daemon" | head -c 8 >"$T/number"
    number=$(od -An -v -tx1 "$T/number" | awk '{ for (i = NF; i; i--) printf "%s", toupper($i) }')
    printf 'untrusted comment: minisign public key %s\n%s\n' "$number" "$(numbered "$T/daemon")" | cmp -s - data/keys/daemon.minisign.pub || other data/keys/daemon.minisign.pub
    printf 'untrusted comment: nightjar public key\n%s\n' "$(numbered "$T/daemon")" | cmp -s - data/keys/daemon.signify.pub || other data/keys/daemon.signify.pub
    printf 'nightjar namespaces="nightjar" ssh-ed25519 %s nightjar\n' "$(ssh_key | plain)" | cmp -s - data/keys/allowed_signers || other data/keys/allowed_signers
    raw=signatures/tagmanifest.sig
    printf 'untrusted comment: verify with nightjar-%s.pub\n%s\n' "$origin" "$(numbered $raw)" | cmp -s - signatures/tagmanifest.signify || other signatures/tagmanifest.signify
    sed -n 4p signatures/tagmanifest.minisig 2>/dev/null | base64 -d >"$T/both" 2>/dev/null
    { cat $raw; printf 'nightjar export'; } >"$T/over"
    signed $key "$T/both" "$T/over" || bad "signatures/tagmanifest.minisig: its comment is not signed"
    printf 'untrusted comment: signature from nightjar-%s\n%s\ntrusted comment: nightjar export\n%s\n' \
        "$origin" "$(numbered $raw)" "$(plain <"$T/both")" | cmp -s - signatures/tagmanifest.minisig || other signatures/tagmanifest.minisig
    sed '1d;$d' signatures/tagmanifest.sshsig 2>/dev/null | base64 -d 2>/dev/null | tail -c 64 >"$T/ssh"
    { printf SSHSIG; ssh_head; printf '\000\000\000\100'; openssl dgst -sha512 -binary tagmanifest-sha256.txt; } >"$T/over"
    signed $key "$T/ssh" "$T/over" || bad "signatures/tagmanifest.sshsig does not hold"
    {
        echo '-----BEGIN SSH SIGNATURE-----'
        {
            printf 'SSHSIG\000\000\000\001\000\000\000\063'; ssh_key; ssh_head
            printf '\000\000\000\123'; word ssh-ed25519; printf '\000\000\000\100'; cat "$T/ssh"
        } | plain | awk '{ for (; $0 != ""; $0 = substr($0, 71)) print substr($0, 1, 70) }'
        echo '-----END SSH SIGNATURE-----'
    } | cmp -s - signatures/tagmanifest.sshsig || other signatures/tagmanifest.sshsig
fi
whole "signed by the key with the fingerprint $fingerprint"

begin key
if [ -f data/keys/certificate.note ]; then
    if open_note data/keys/certificate.note nightjar-admin data/keys/admin.pub.pem; then
        given=$(sha <"$T/raw")
        certified "$T/daemon" || bad "the certificate is about another key or another log"
        [ -z "$admin" ] || [ "$admin" = "$given" ] || bad "certified by another admin key: $given"
        whole "certified by the admin key with the fingerprint $given"
    else
        bad "data/keys/certificate.note is not signed by data/keys/admin.pub.pem"
    fi
else
    [ -z "$admin" ] || bad "the daemon's key is not certified by an admin key"
    [ -n "$admin" ] || remark "the daemon's key is not certified by an admin key"
fi
[ -z "$pinned" ] || [ "$pinned" = "$fingerprint" ] || bad "the daemon's key is another than the one you named"
[ -n "$admin$pinned" ] ||
    remark "KEYS WERE NOT COMPARED: give --key or --admin with a fingerprint that you have from elsewhere"

# --- evidence ---------------------------------------------------------------------------

begin manifests
sed -n 's/^data\/evidence\/\([0-9a-f]\{32\}\)\/manifest\.json$/\1/p' "$T/payload" >"$T/ids"
[ -s "$T/ids" ] || bad "there is no evidence"
while IFS= read -r id; do
    for name in entry.json proof.tlog watch.json inference.json; do echo "data/evidence/$id/$name"; done
    echo "data/evidence/$id/manifest.json"
done <"$T/ids" | sort >"$T/want"
grep '^data/evidence/' "$T/payload" | cmp -s - "$T/want" || bad "a folder of evidence has not the five files it must have"
awk '/  data\/files\// { print $2 }' "$T/listed" | sed 's/^/.\//' | while IFS= read -r name; do [ ! -f "$name" ] || echo "$name"; done |
    xargs wc -c 2>/dev/null | awk '$2 ~ /data\/files\// { name = $2; sub(/.*\//, "", name); print substr(name, 1, 64), $1 }' | sort >"$T/originals"
while IFS= read -r id; do [ ! -f "data/evidence/$id/manifest.json" ] || echo "data/evidence/$id/manifest.json"; done <"$T/ids" | xargs awk -v origin="$origin" '
    FNR > 1 { print "lines", FILENAME; next }
    {
        split(FILENAME, part, "/")
        if (index($0, "\"evidence_id\":\"" part[3] "\"") == 0) print "id", FILENAME
        if (index($0, "\"origin\":\"" origin "\"") == 0) print "origin", FILENAME
        # in canonical JSON the keys are sorted: the version is the last thing a manifest says
        if ($0 !~ /,"format":"nightjar-evidence",/ || $0 !~ /,"version":[12][}]$/) print "version", FILENAME
        rest = $0
        while (match(rest, /"role":"[^"]*","sha256":"[0-9a-f]*","size_bytes":[0-9]*/)) {
            file = substr(rest, RSTART, RLENGTH)
            rest = substr(rest, RSTART + RLENGTH)
            match(file, /"sha256":"[0-9a-f]*"/); hash = substr(file, RSTART + 10, RLENGTH - 11)
            match(file, /[0-9]*$/); print "file", hash, substr(file, RSTART)
        }
    }' >"$T/told"
grep -v '^file ' "$T/told" >"$T/wrong"
while read -r what name; do bad "$name: not the $what it must have"; done <"$T/wrong"
sed -n 's/^file //p' "$T/told" | sort -u >"$T/named"
comm -23 "$T/named" "$T/originals" >"$T/wrong" || stop "comm failed"
while read -r hash bytes; do bad "named by a manifest, but not among the originals: $hash of $bytes bytes"; done <"$T/wrong"
comm -13 "$T/named" "$T/originals" >"$T/wrong" || stop "comm failed"
while read -r hash bytes; do bad "an original that no manifest names: $hash"; done <"$T/wrong"
sed -n 's/^data\/targets\/\(.*\)\.json$/\1/p' "$T/payload" >"$T/targets"
while IFS= read -r hash; do
    grep -q "^$hash  data/targets/$hash\.json\$" "$T/listed" || bad "data/targets/$hash.json is not what it is named after"
    sed 's/.*/data\/evidence\/&\/manifest.json/' "$T/ids" | xargs cat 2>/dev/null | grep -Fq "\"config_sha256\":\"$hash\"" ||
        bad "data/targets/$hash.json: a target that no manifest names"
done <"$T/targets"
whole "$(wc -l <"$T/ids" | tr -d ' ') manifests name $(wc -l <"$T/originals" | tr -d ' ') originals, each is there"

while IFS= read -r id; do
    for name in "data/evidence/$id/manifest.json" "data/evidence/$id/watch.json"; do [ ! -f "$name" ] || echo "$name"; done
done <"$T/ids" | xargs awk '
    match($0, /"previous":[{]"evidence_id":"[0-9a-f]+"/) { print substr($0, RSTART + 27, RLENGTH - 28) }
    /^ *"evidence_id": "[0-9a-f]+",?$/ { gsub(/[^0-9a-f"]/, ""); split($0, part, /"/); print part[4] }' 2>/dev/null |
    grep '^.\{32\}$' >"$T/looks"
sort -u "$T/looks" | comm -23 - "$T/ids" >"$T/left" || stop "comm failed"
[ ! -s "$T/left" ] ||
    remark "LEFT OUT: $(wc -l <"$T/left" | tr -d ' ') looks that the package names are not in it ($(head -n 5 "$T/left" | tr '\n' ',' | sed 's/,$//; s/,/, /g')); data/log/entries.jsonl shows what was erased lawfully"

begin entries
mkdir "$T/e"
while IFS= read -r id; do
    folder=data/evidence/$id
    [ -f "$folder/entry.json" ] && [ -f "$folder/manifest.json" ] || continue
    { printf '\000'; cat "$folder/entry.json"; } >"$T/e/$id" || rm -f "$T/sound"
    echo "$folder/entry.json"
done <"$T/ids" >"$T/entries"
{
    sed 's/entry\.json$/manifest.json/' "$T/entries" | xargs sha256sum
    xargs awk '{ print "entry", FILENAME, $0 }' <"$T/entries"
} 2>/dev/null | awk '
    $1 != "entry" { split($2, part, "/"); hash[part[3]] = $1; next }
    {
        split($2, part, "/"); id = part[3]; seen[id]++
        rest = $0; sub(/^entry [^ ]+ /, "", rest)
        begins = index(rest, "\",\"evidence_id\":\"")
        wanted = "\",\"evidence_id\":\"" id "\",\"kind\":\"evidence\",\"manifest_sha256\":\"" hash[id] "\",\"v\":1}"
        if (seen[id] > 1 || substr(rest, begins) != wanted || rest !~ /^\{"at":"[0-9T:.Z-]+","evidence_id"/) print id
    }' >"$T/wrong"
while IFS= read -r id; do bad "data/evidence/$id/entry.json does not name its manifest"; done <"$T/wrong"
whole "every entry names the SHA-256 of its manifest"

# --- the log ----------------------------------------------------------------------------

# hash_nodes: lines "number left right" (hex) to lines "number hash", by number; RFC 6962: SHA-256(1 || left || right)
hash_nodes() {
    rm -rf "$T/n"
    mkdir "$T/n" || rm -f "$T/sound"
    awk 'BEGIN { for (i = 0; i < 256; i++) octal[sprintf("%02x", i)] = sprintf("\\%03o", i) }
        {
            both = $2 $3; text = "\\001"
            for (i = 1; i <= 128; i += 2) text = text octal[substr(both, i, 2)]
            printf "printf '\''%s'\'' >%s || rm \"$T/sound\"\n", text, $1
        }' >"$T/script"
    [ -s "$T/script" ] || return 0
    (set -e; cd "$T/n"; . "$T/script"; find . -type f | xargs sha256sum || rm -f "$T/sound") | sed 's/^\(.\{64\}\) .\.\/\(.*\)$/\2 \1/' | sort -n
}
functions='
    function value(c) { return index("0123456789abcdef", c) - 1 }
    function base64(hex,   out, i, a, b, c, d) {
        out = ""
        for (i = 1; i <= 60; i += 6) {
            a = value(substr(hex, i, 1)) * 4 + int(value(substr(hex, i + 1, 1)) / 4)
            b = value(substr(hex, i + 1, 1)) % 4 * 16 + value(substr(hex, i + 2, 1))
            c = value(substr(hex, i + 3, 1)) * 4 + int(value(substr(hex, i + 4, 1)) / 4)
            d = value(substr(hex, i + 4, 1)) % 4 * 16 + value(substr(hex, i + 5, 1))
            out = out letter(a) letter(b) letter(c) letter(d)
        }
        a = value(substr(hex, 61, 1)) * 4 + int(value(substr(hex, 62, 1)) / 4)
        b = value(substr(hex, 62, 1)) % 4 * 16 + value(substr(hex, 63, 1))
        return out letter(a) letter(b) letter(value(substr(hex, 64, 1)) * 4) "="
    }
    function letter(n) { return substr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", n + 1, 1) }
    function load(   i, level) {
        for (level = 0; level <= top; level++) {
            count[level] = 0
            while ((getline hash < (dir "/level." level)) > 0) node[level, count[level]++] = hash
            close(dir "/level." level)
        }
    }
    # the siblings on the way up from a node, one a line (RFC 6962, 2.1.1)
    function climb(place, level,   out, other) {
        out = ""
        for (; level < top; level++) {
            other = place % 2 ? place - 1 : place + 1
            if (other < count[level]) out = out base64(node[level, other]) "\n"
            place = int(place / 2)
        }
        return out
    }
'

begin log
root= top=0
if [ ! -f data/log/leaves.txt ] || grep -v '^[0-9a-f]\{64\}$' data/log/leaves.txt >/dev/null; then
    bad "data/log/leaves.txt is missing or not a list of hashes"
elif [ "$(wc -l <data/log/leaves.txt)" -ne "${size:-0}" ]; then
    bad "data/log/leaves.txt has another number of leaves than the checkpoint"
else
    cp data/log/leaves.txt "$T/level.0"
    n=$size
    while [ "$n" -gt 1 ]; do
        awk 'NR % 2 { left = $0; next } { print NR / 2, left, $0 }' "$T/level.$top" | hash_nodes | cut -d' ' -f2 >"$T/level.$((top + 1))"
        [ $((n % 2)) -eq 0 ] || tail -n 1 "$T/level.$top" >>"$T/level.$((top + 1))"
        n=$(((n + 1) / 2)) top=$((top + 1))
    done
    root=$(awk "$functions"'{ print base64($0) }' "$T/level.$top")
    [ "$root" = "$sealed_root" ] || bad "the leaves do not lead to the root in seal.txt"
    whole "$size leaves lead to the root $(cat "$T/level.$top"): no entry of the log was left out of this list of hashes (content is shown of some entries only)"
fi

# dated TEXT: whether it has four lines and the last one is a time
dated() { [ "$(wc -l <"$1")" -eq 4 ] && epoch "$(sed -n '4s/^time \([0-9].*Z\)$/\1/p' "$1")" >/dev/null; }

begin checkpoint
if open_note data/log/checkpoint "nightjar-$origin" $key; then
    [ "$(sed 4d "$T/text")" = "$(printf 'nightjar-%s\n%s\n%s' "$origin" "$size" "$sealed_root")" ] &&
        dated "$T/text" ||
        bad "data/log/checkpoint is not the one that seal.txt names"
    whole "the state of $size entries is signed by the daemon's key"
else
    bad "data/log/checkpoint is not signed by the daemon's key"
fi

begin inclusion
if [ -n "$root" ]; then
    (cd "$T/e" && find . -type f | xargs sha256sum) 2>/dev/null | sed 's/^\(.\{64\}\) .\.\/\(.*\)$/\2 \1/' >"$T/leaves"
    sed 's/entry\.json$/proof.tlog/' "$T/entries" | while IFS= read -r name; do [ ! -f "$name" ] || echo "$name"; done >"$T/proofs"
    xargs awk -v dir="$T" -v top="$top" "$functions"'
        BEGIN {
            load()
            while ((getline < (dir "/leaves")) > 0) leaf[$1] = $2
            while ((getline note < "data/log/checkpoint") > 0) want = want note "\n"
        }
        function judge() {
            split(name, part, "/")
            place = -1
            if (split(text, line, "\n") > 2 && line[2] ~ /^index (0|[1-9][0-9]*)$/) place = substr(line[2], 7) + 0
            if (place < 0 || place >= count[0] || node[0, place] != leaf[part[3]]) print "leaf", name
            else if (text != "c2sp.org/tlog-proof@v1\n" line[2] "\n" climb(place, 0) "\n" want) print "path", name
        }
        FNR == 1 && name != "" { judge() }
        FNR == 1 { name = FILENAME; text = "" }
        { text = text $0 "\n" }
        END { if (name != "") judge() }' <"$T/proofs" >"$T/wrong" 2>/dev/null || bad "the proofs cannot be read"
    while read -r what name; do bad "$name does not lead to the checkpoint ($what)"; done <"$T/wrong"
    while IFS= read -r name; do tail -c 1 "$name" | hexes; done <"$T/proofs" | sed 's/0a//g' | grep -q . && bad "a proof is cut"
    [ "$(wc -l <"$T/proofs")" -eq "$(wc -l <"$T/ids")" ] || bad "a proof or its entry is missing"
    if xargs cat <"$T/proofs" | nul; then bad "a proof has a zero byte"; fi
    whole "every piece of evidence is in the log"
else
    bad "cannot be checked without the leaves"
fi

begin "log entries"
if [ -f data/log/entries.jsonl ] && [ -n "$root" ]; then
    mkdir "$T/x"
    awk -v into="$T/index" '
        !/^\{"index":(0|[1-9][0-9]*),"entry":".*"\}$/ { print "form"; exit }
        {
            place = $0; sub(/^\{"index":/, "", place); sub(/,.*/, "", place)
            if (place + 0 <= before && NR > 1) { print "order"; exit }
            before = place + 0
            text = $0; sub(/^\{"index":[0-9]*,"entry":"/, "", text); sub(/"\}$/, "", text)
            gsub(/\\\\/, "\001", text); gsub(/\\"/, "\"", text)
            if (text ~ /\\/) { print "escape"; exit }
            gsub(/\001/, "\\", text)
            print text
            print place >into
        }' data/log/entries.jsonl >"$T/texts"
    while IFS= read -r text && IFS= read -r place <&3; do
        printf '\000%s' "$text" >"$T/x/$place" || rm -f "$T/sound"
    done <"$T/texts" 3<"$T/index"
    (cd "$T/x" && find . -type f | xargs sha256sum) 2>/dev/null | sed 's/^\(.\{64\}\) .\.\/\(.*\)$/\2 \1/' |
        awk -v dir="$T" 'BEGIN { while ((getline hash < (dir "/level.0")) > 0) leaf[n++] = hash } leaf[$1] != $2 { print $1 }' >"$T/wrong"
    while read -r place; do bad "data/log/entries.jsonl: entry $place does not hash to its leaf"; done <"$T/wrong"
    if nul <data/log/entries.jsonl; then bad "data/log/entries.jsonl has a zero byte"; fi
    lines=$(wc -l <data/log/entries.jsonl)
    [ "$(find "$T/x" -type f | wc -l)" -eq "$lines" ] && [ "$(wc -l <"$T/texts")" -eq "$lines" ] && [ "$(tail -c 1 data/log/entries.jsonl | hexes)" = 0a ] ||
        bad "data/log/entries.jsonl has a line that is no entry, twice, or out of order"
    whole "$(wc -l <data/log/entries.jsonl | tr -d ' ') entries of the log hash to their leaves"
else
    bad "data/log/entries.jsonl is missing, or there are no leaves to compare with"
fi

# acted LEAF: whether an erasure that is shown took the content of that entry
acted() {
    sed -n '/"kind":"erasure"/s/.*"leaves":"\([0-9 -]*\)".*/\1/p' "$T/texts" | tr ' ' '\n' |
        awk -F- -v leaf="$1" '$1 + 0 <= leaf + 0 && leaf + 0 <= (NF > 1 ? $2 : $1) + 0 { found = 1 } END { exit !found }'
}

begin cases
case=data/case/case.json
if [ -f $case ] && [ -f "$T/texts" ]; then
    # an export writes one field a line; what a record says in any other form is not looked at, but counted
    awk '
        function plain(text,   bare) {
            bare = text; gsub(/\\\\/, "", bare); gsub(/\\"/, "", bare)
            if (bare ~ /["\\]/) { print "odd"; exit }
            gsub(/\\\\/, "\001", text); gsub(/\\"/, "\"", text); gsub(/\001/, "\\", text)
            return text
        }
        /^     "leaf": (0|[1-9][0-9]*),$/ && length($2) < 17 { leaf = $2 + 0; kind = ""; next }
        /^     "kind": "[a-z]+",$/ { kind = substr($2, 2, length($2) - 3); next }
        /^     "entry": ".*",$/ { entry = plain(substr($0, 16, length($0) - 17)); next }
        /^     "record": ".*"$/ { print leaf; print kind; print entry; print plain(substr($0, 17, length($0) - 17)) }' $case >"$T/records"
    records=0
    while IFS= read -r leaf && IFS= read -r kind && IFS= read -r entry && IFS= read -r record; do
        records=$((records + 1))
        [ "$(printf '\000%s' "$entry" | sha)" = "$(sed -n "$((leaf + 1))p" "$T/level.0")" ] || bad "the log has another entry than $leaf of a case"
        [ -n "$record" ] || acted "$leaf" && [ -z "$record" ] && continue
        case $entry in
        *'"facts_sha256":"'"$(printf '%s' "$record" | sha)"'","kind":"'"$kind"'",'*) ;;
        *) bad "the record of entry $leaf is not the one the log names" ;;
        esac
    done <"$T/records"
    for word in leaf kind entry record; do
        told=$(tr -d ' \t\r\n' <$case | sed 's/\\\\//g; s/\\"//g' | awk -F "\"$word\":" '{ n += NF - 1 } END { print n + 0 }')
        [ "$told" -eq $records ] || bad "$case has a $word in another form than that of an export"
    done
    if nul <$case || sed 's/\\\\//g' $case | grep '\\u00[2-7]' >/dev/null; then bad "$case is not in the form of an export"; fi
    grep -qx " \"origin\": \"$origin\"," $case || bad "$case is of another store"
    awk 'NR % 4 == 1' "$T/records" | sort >"$T/told"
    awk -v texts="$T/texts" '{ getline text < texts } text ~ /"facts_sha256":"[0-9a-f]*","kind":"(case|hold)",/' "$T/index" | sort >"$T/acts"
    comm -23 "$T/acts" "$T/told" >"$T/wrong" || stop "comm failed"
    while read -r place; do bad "entry $place is an act on a case whose record was left out"; done <"$T/wrong"
    whole "$records records of cases are those that the log names"
else
    bad "$case is missing, or there are no entries to compare with"
fi

begin consistency
# old keys count when an entry that is shown names them, or when the admin that the reader knows certified them
sed -n '/"kind":"key"/p' "$T/texts" 2>/dev/null | tr '{,}' '\n\n\n' |
    sed -n -e 's/^"old":"\([0-9a-f]\{64\}\)"$/\1/p' -e 's/^"new":"\([0-9a-f]\{64\}\)"$/\1/p' -e 's/^"key":"\([0-9a-f]\{64\}\)"$/\1/p' >"$T/marks"
: >"$T/old"
for pem in data/keys/old/*/daemon.pub.pem; do
    [ -f "$pem" ] || continue
    old=${pem%/*} counts=
    raw_key "$pem" "$T/old.raw" || { bad "$pem is no Ed25519 key"; continue; }
    if grep -qx "$(sha <"$T/old.raw")" "$T/marks"; then counts=1; fi
    if [ -f "$old/certificate.note" ] && [ -f "$old/admin.pub.pem" ]; then
        if open_note "$old/certificate.note" nightjar-admin "$old/admin.pub.pem" && certified "$T/old.raw"; then
            [ "$(sha <"$T/raw")" != "$admin" ] || counts=1
        else
            bad "$old/certificate.note is not about the key beside it, or not by the admin beside it"
        fi
    fi
    [ -z "$counts" ] || echo "$pem" >>"$T/old"
done
sed -n 's/^data\/log\/checkpoints\/\([1-9][0-9]\{0,14\}\)$/\1/p' "$T/payload" | sort -n >"$T/sizes"
if [ -s "$T/sizes" ] && [ -n "$root" ]; then
    # the root of the first m leaves: the perfect subtrees that m is made of, folded from the right
    awk -v dir="$T" -v top="$top" "$functions"'
        BEGIN { load() }
        $1 <= count[0] {
            line = $1; done = 0
            for (level = top; level >= 0; level--) {
                width = 2 ^ level
                if (int($1 / width) % 2) { line = line " " node[level, done / width]; done += width }
            }
            print line
        }' "$T/sizes" >"$T/peaks"
    while awk 'NF > 2 { found = 1 } END { exit !found }' "$T/peaks"; do
        awk 'NF > 2 { print $1, $(NF - 1), $NF }' "$T/peaks" | hash_nodes >"$T/folded"
        awk -v dir="$T" 'BEGIN { while ((getline < (dir "/folded")) > 0) fold[$1] = $2 }
            NF > 2 { line = $1; for (i = 2; i < NF - 1; i++) line = line " " $i; print line, fold[$1]; next } { print }' "$T/peaks" >"$T/peaks.next"
        mv "$T/peaks.next" "$T/peaks"
    done
    awk "$functions"'{ print $1, base64($2) }' "$T/peaks" >"$T/roots"
    while read -r m want; do
        note=data/log/checkpoints/$m opened=
        for pem in $key $(cat "$T/old"); do
            [ -f "$pem" ] && [ -f "$note" ] && open_note "$note" "nightjar-$origin" "$pem" && opened=1 && break
        done
        [ -n "$opened" ] && [ "$(sed 4d "$T/text")" = "$(printf 'nightjar-%s\n%s\n%s' "$origin" "$m" "$want")" ] && dated "$T/text" ||
            bad "$note is not a signed earlier state of this log"
        [ "$m" -eq "$size" ] || {
            printf 'nightjar-consistency %s %s\n' "$m" "$size"
            echo "$m" | awk -v dir="$T" -v top="$top" "$functions"'
                BEGIN { load() }
                {
                    place = $1 - 1; level = 0
                    while (place % 2) { place = int(place / 2); level++ }
                    if (place) print base64(node[level, place])
                    printf "%s", climb(place, level)
                }'
        } >"$T/consistency"
        [ "$m" -eq "$size" ] || cmp -s "$T/consistency" "data/log/consistency/$m-$size" ||
            bad "data/log/consistency/$m-$size does not show that the log only grew"
    done <"$T/roots"
    [ "$(wc -l <"$T/roots")" -eq "$(wc -l <"$T/sizes")" ] || bad "a checkpoint is larger than the log"
fi
sed -n 's/^data\/log\/consistency\/\([0-9]*\)-.*/\1/p' "$T/payload" | sort -n >"$T/grown"
grep -vx "${size:-0}" "$T/sizes" | cmp -s - "$T/grown" || bad "checkpoints and consistency proofs are not the same states"
whole "$(wc -l <"$T/sizes" | tr -d ' ') earlier or equal states are beginnings of this log"

# --- time -------------------------------------------------------------------------------

# stamped [-attime SECONDS]: the token of $stem is over its checkpoint and answers its request
stamped() {
    for over in "-data=$note" "-queryfile=data/time/$stem.tsq"; do
        openssl ts -verify -in "data/time/$stem.tsr" -CAfile "$ca" "$@" "${over%%=*}" "${over#*=}" >/dev/null 2>&1 || return 1
    done
}
# whether a checkpoint is dated later than a token with this accuracy can be: "0x01 seconds, 0x1F4 millis, unspecified micros"
accuracy='
    function number(hex,   i, n) {
        for (i = 3; i <= length(hex); i++) n = n * 16 + index("0123456789abcdef", tolower(substr(hex, i, 1))) - 1
        return substr(hex, 1, 2) == "0x" ? n : 0
    }
    { within = number($1) + number($3) / 1000 + number($5) / 1000000 }
    END { exit !(signed_at - within > at + 0.000001) }
'

begin time
if [ -f data/time/status.json ]; then
    tr -d ' ,"' <data/time/status.json | awk -F: '$1 == "size" { size = $2 } $1 == "authority" { name = $2 } $1 == "state" { print $2, size "-" name }' >"$T/asked"
    sed -n 's/^whole //p' "$T/asked" | sort >"$T/want"
    waiting=$(grep -c '^waiting ' "$T/asked")
    sed -n 's/^data\/time\/\([^/]*\)\.tsr$/\1/p' "$T/payload" | sort | cmp -s - "$T/want" || bad "the responses are not those of data/time/status.json"
    sed -n 's/^data\/time\/\([^/]*\)\.tsq$/\1/p' "$T/payload" | sort | cmp -s - "$T/want" || bad "the requests are not those of data/time/status.json"
    [ -z "$roots" ] || for pem in "$roots"/*.pem; do cat "$pem"; echo; done >"$T/roots.pem" 2>/dev/null
    counted=0
    : >"$T/signers"
    while IFS= read -r stem; do
        note=data/log/checkpoints/${stem%%-*} authority=${stem#*-}
        ca=data/time/roots/$authority.pem
        if [ -n "$roots" ]; then  # one authority under two names is not two: the file of its name decides
            ca=$T/roots.pem
            [ ! -s "$roots/$authority.pem" ] || ca=$roots/$authority.pem
        fi
        openssl ts -reply -in "data/time/$stem.tsr" -text >"$T/token" 2>/dev/null
        when=$(epoch "$(sed -n 's/^Time stamp: //p' "$T/token")")
        if ! grep -q BEGIN "$ca" 2>/dev/null; then
            bad "data/time/$stem.tsr: there is no root to check it against"
        elif [ "$(openssl ts -query -in "data/time/$stem.tsq" -text 2>/dev/null | grep -c '^Nonce: 0x')" != 1 ]; then
            bad "data/time/$stem.tsq has no nonce: any time stamp over these bytes would answer it"
        elif stamped; then :
        elif [ -n "$when" ] && stamped -attime "${when%.*}"; then  # then judge by the time in the token
            remark "data/time/$stem.tsr holds at its own time; its certificate has expired since"
        else
            bad "data/time/$stem.tsr is no timestamp over $note by an authority that is trusted here"
        fi
        signed_at=$(epoch "$(sed -n '4s/^time //p' "$note" 2>/dev/null)") && [ -n "$when" ] &&
            sed -n 's/^Accuracy: //p' "$T/token" | awk -v at="$when" -v signed_at="$signed_at" "$accuracy" &&
            remark "data/time/$stem.tsr: its checkpoint is dated after the time stamp over it: one of both clocks was wrong"
        openssl ts -reply -in "data/time/$stem.tsr" -token_out -out "$T/cms" 2>/dev/null
        if openssl cms -cmsout -print -noout -inform DER -in "$T/cms" 2>/dev/null |
            sed -n '/^ *signerInfos:/,$p' | sed -n '/^ *digestAlgorithm:/{n;p;}' | grep -q 'algorithm: \(sha1\|md5\) '; then
            remark "data/time/$stem.tsr is not counted: it is signed over SHA-1 or MD5, which are weak"
        else
            counted=$((counted + 1))
            openssl pkcs7 -inform DER -in "$T/cms" -print_certs 2>/dev/null | awk -v name="$authority" '
                /^-----BEGIN/ { body = ""; inside = 1; next }
                /^-----END/ { print body, name; inside = 0 }
                inside { body = body $0 }' >>"$T/signers"
        fi
    done <"$T/want"
    # The log names each response that came (kind "beacon"); the earliest over each piece of evidence goes along.
    {
        [ ! -f "$T/texts" ] || sed -n 's/^{"at":"[^"]*",\("[a-z_]*":[0-9]*,\)*"facts":{\(\("[a-z0-9_]*":"[^"\\ ]*",*\)*\)},"kind":"beacon",.*/,\2,/p' "$T/texts" |
            sed -n 's/^.*,"authority":"\([^"]*\)".*,"sha256":"\([0-9a-f]*\)".*,"size":"\([0-9]*\)",.*$/beacon \3 \1 \2/p'
        sed -n 's/^\(.\{64\}\)  data\/time\/\([0-9]*\)-\(.*\)\.tsr$/token \2 \3 \1/p' "$T/listed"
        [ ! -s "$T/proofs" ] || xargs awk 'FNR == 2 { print "place", $2 }' <"$T/proofs"
    } 2>/dev/null | awk '
        $1 == "place" { place[places++] = $2 }
        $1 == "token" { token[$2 "-" $3] = $4; tokens[$3] = tokens[$3] " " $2 }
        $1 == "beacon" { named[$2 "-" $3] = 1; whole[$2 "-" $3, $4] = 1; beacons[$3] = beacons[$3] " " $2 }
        function above(index_, sizes,   n, i, found, each) {
            n = split(sizes, each, " "); found = 0
            for (i = 1; i <= n; i++) if (each[i] + 0 > index_ && (!found || each[i] + 0 < found)) found = each[i] + 0
            return found
        }
        END {
            for (stem in token)
                if (!(stem in named)) print "unnamed", stem
                else if (!((stem, token[stem]) in whole)) print "other", stem
            for (name in beacons)
                for (i = 0; i < places; i++) {
                    first = above(place[i] + 0, beacons[name]); own = above(place[i] + 0, tokens[name])
                    if (first && (!own || own > first)) { print "left", first "-" name; break }
                }
        }' >"$T/wrong"
    while read -r what stem; do
        case $what in
        unnamed) remark "no entry that is shown names the time stamp $stem" ;;
        other) bad "data/time/$stem.tsr is not the response that the log says was received" ;;
        *) bad "left out: the time stamp $stem, which the log says was received" ;;
        esac
    done <"$T/wrong"
    sort -u "$T/signers" | awk '
        { names[$1] = names[$1] (names[$1] ? ", " : "") $2; count[$1]++ }
        END { for (one in names) if (count[one] > 1) print count[one], names[one] }' | sort -u >"$T/same"
    while read -r many same; do
        remark "ONE AUTHORITY, not $many: $same sign by the same certificates"
    done <"$T/same"
    if [ "$counted" -gt 0 ]; then
        whole "$counted timestamps hold"
    else
        late="; time pending"
        remark "time pending: no timestamp counts in this package, $waiting asked for"
    fi
    if [ -s "$T/want" ]; then
        [ -n "$roots" ] || remark "ROOTS OF TIME-STAMP AUTHORITIES WERE NOT COMPARED: give --tsa-roots with a folder of those you trust"
    fi
else
    bad "data/time/status.json is missing"
fi

begin archive
if [ -f data/warc/nightjar.warc.gz ]; then
    # -v: zeros after the last member are a warning
    gzip -tv data/warc/nightjar.warc.gz 2>/dev/null || bad "data/warc/nightjar.warc.gz is not whole gzip"
    whole "the web archive is whole gzip"
fi
end
