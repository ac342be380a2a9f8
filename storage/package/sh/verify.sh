#!/bin/sh
# Checks a package exported by Nightjar, without Nightjar and without a network.
#
#   sh verify.sh [--admin FINGERPRINT] [--key FINGERPRINT] [--tsa-roots FOLDER] [PACKAGE]
#
# PACKAGE is the folder (unpack a .zip first); default: where this script lies. Better than the copy in a
# package that you do not trust yet is a copy that you had before. Needs a POSIX shell and utilities
# (sed, awk, grep, find, sort, od, tr), coreutils (sha256sum, base64, mktemp), openssl 3 and gzip.
# Exit code 0: everything that was checked holds; 1: something does not; 2: wrong use.
# The format is described in docs/evidence.md of Nightjar.

LC_ALL=C
export LC_ALL
umask 077

admin= pinned= roots= package=
while [ $# -gt 0 ]; do
    case $1 in
    --admin) admin=$2 ;;
    --key) pinned=$2 ;;
    --tsa-roots) roots=$(CDPATH= cd -- "$2" 2>/dev/null && pwd) || { echo "verify.sh: no folder $2" >&2; exit 2; } ;;
    -*) echo "usage: sh verify.sh [--admin FINGERPRINT] [--key FINGERPRINT] [--tsa-roots FOLDER] [PACKAGE]" >&2; exit 2 ;;
    *) package=$1; shift; continue ;;
    esac
    [ $# -ge 2 ] || { echo "verify.sh: $1 needs a value" >&2; exit 2; }
    shift 2
done
for tool in openssl sha256sum base64 awk gzip mktemp od; do
    command -v "$tool" >/dev/null || { echo "verify.sh: $tool is missing" >&2; exit 2; }
done
cd -- "${package:-$(dirname -- "$0")}" || exit 2
T=$(mktemp -d) || exit 2
trap 'rm -rf "$T"' EXIT
trap 'exit 1' HUP INT TERM

broken=0 first= step=
whole() { [ "$at" -ne "$broken" ] || echo "whole   $step: $*"; }
bad() {
    broken=$((broken + 1))
    [ "$broken" -gt 20 ] || echo "BROKEN  $step: $*"
    [ -n "$first" ] || first="$step: $*"
}
remark() { echo "note    $*"; }
begin() { step=$1 at=$broken; }
end() {
    if [ "$broken" -eq 0 ]; then
        echo "everything that was checked is whole$late"
        exit 0
    fi
    echo "NOT WHOLE. The first thing that does not hold: $first"
    echo "What is marked whole above still holds."
    exit 1
}
hexes() { od -An -v -tx1 | tr -d ' \n'; }
sha() { sha256sum | cut -c1-64; }
late=

# --- which files there are --------------------------------------------------------------

begin files
if [ -n "$(find . ! -type d ! -type f | head -n 1)" ]; then
    bad "there is something that is neither file nor folder (a link?); nothing else was looked at"
    end
fi
line='^[0-9a-f]\{64\}  [A-Za-z0-9_-][A-Za-z0-9._/-]*$'
for list in manifest-sha256.txt tagmanifest-sha256.txt seal.txt; do
    if [ ! -f $list ]; then
        bad "$list is missing"
        end
    fi
    if [ "$(tail -c 1 $list | hexes)" != 0a ] || [ "$(tr -d '\000' <$list | wc -c)" -ne "$(wc -c <$list)" ]; then
        bad "$list is cut or damaged"
        end
    fi
done
sed 1,5d seal.txt >"$T/sealed"
for list in manifest-sha256.txt tagmanifest-sha256.txt "$T/sealed"; do
    if grep -v "$line" "$list" >/dev/null || grep '\.\./' "$list" >/dev/null; then
        bad "${list##*/} has a line that is not a SHA-256 and a name"
        end
    fi
done
sed 's/^.\{66\}//' tagmanifest-sha256.txt | tr '\n' ' ' >"$T/tags"
[ "$(cat "$T/tags")" = "README.txt bag-info.txt bagit.txt manifest-sha256.txt verify.sh " ] ||
    bad "tagmanifest-sha256.txt does not list the five tag files, in order"
sed 's/^.\{66\}//' "$T/sealed" | tr '\n' ' ' >"$T/tags"
[ "$(cat "$T/tags")" = "signatures/tagmanifest.minisig signatures/tagmanifest.sig signatures/tagmanifest.signify signatures/tagmanifest.sshsig tagmanifest-sha256.txt " ] ||
    bad "seal.txt does not list the signatures and the tag manifest, in order"
sed 's/^.\{66\}//' manifest-sha256.txt >"$T/payload"
if grep -v '^data/' "$T/payload" >/dev/null; then bad "manifest-sha256.txt lists a file outside of data"; fi
sort -u "$T/payload" | cmp -s - "$T/payload" || bad "manifest-sha256.txt is not sorted, or names a file twice"
{
    echo ./seal.txt
    echo ./seal.sig
    cat manifest-sha256.txt tagmanifest-sha256.txt "$T/sealed" | sed 's/^.\{66\}/.\//'
} | sort >"$T/want"
find . -type f | sort >"$T/have"
comm -23 "$T/want" "$T/have" >"$T/missing"
comm -13 "$T/want" "$T/have" >"$T/extra"
while IFS= read -r name; do bad "missing: $name"; done <"$T/missing"
while IFS= read -r name; do bad "in no list: $name"; done <"$T/extra"
whole "all $(wc -l <"$T/want" | tr -d ' ') files of the lists are there, and no other"

# --- their bytes ------------------------------------------------------------------------

begin hashes
for list in tagmanifest-sha256.txt manifest-sha256.txt "$T/sealed"; do
    sha256sum -c "$list" 2>/dev/null | grep -v ': OK$' >"$T/wrong"
    while IFS= read -r name; do bad "not as it was listed: ${name%:*}"; done <"$T/wrong"
done
awk '/  data\/files\// && substr($2, 12, 64) != $1 { print $2 }' manifest-sha256.txt >"$T/wrong"
while IFS= read -r name; do bad "an original is not named by its hash: $name"; done <"$T/wrong"
whole "every file has the SHA-256 it is listed with"

begin bag
printf 'BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n' | cmp -s - bagit.txt || bad "bagit.txt is not the one of BagIt 1.0"
oxum=$(find data -type f | xargs wc -c | awk '$2 != "total" { s += $1; n++ } END { printf "%.0f.%d", s, n }')
grep -qx "Payload-Oxum: $oxum" bag-info.txt || bad "bag-info.txt does not give $oxum as bytes and files"
whole "$oxum bytes and files"

# --- keys and signatures ----------------------------------------------------------------

# raw_key PEM OUT: the 32 raw bytes of an Ed25519 public key in its one PEM form
raw_key() {
    openssl pkey -pubin -in "$1" -outform DER -out "$T/der" 2>/dev/null || return 1
    [ "$(head -c 12 "$T/der" | hexes)" = 302a300506032b6570032100 ] || return 1
    openssl pkey -pubin -in "$1" -outform PEM 2>/dev/null | cmp -s - "$1" || return 1
    tail -c +13 "$T/der" >"$2"
    [ "$(wc -c <"$2")" -eq 32 ]
}
# signed PEM SIGNATURE FILE
signed() {
    [ "$(wc -c <"$2")" -eq 64 ] && openssl pkeyutl -verify -rawin -pubin -inkey "$1" -sigfile "$2" -in "$3" >/dev/null 2>&1
}
# open_note FILE NAME PEM: the text of a C2SP signed note that this key signed, in $T/text
open_note() {
    raw_key "$3" "$T/raw" || return 1
    [ "$(tail -c 1 "$1" | hexes)" = 0a ] || return 1
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

begin seal
key=data/keys/daemon.pub.pem
origin=$(sed -n '2s/^origin \([0-9a-f]\{32\}\)$/\1/p' seal.txt)
size=$(sed -n '4s/^checkpoint \([1-9][0-9]\{0,14\}\) [A-Za-z0-9+/]\{43\}=$/\1/p' seal.txt)
sealed_root=$(sed -n '4s/^checkpoint [0-9]* //p' seal.txt)
fingerprint=
if raw_key $key "$T/daemon"; then
    fingerprint=$(sha <"$T/daemon")
    signed $key seal.sig seal.txt || bad "seal.sig is not a signature of seal.txt by data/keys/daemon.pub.pem"
    signed $key signatures/tagmanifest.sig tagmanifest-sha256.txt || bad "signatures/tagmanifest.sig does not hold"
else
    bad "data/keys/daemon.pub.pem is missing or no Ed25519 key"
fi
[ "$(sed -n 1p seal.txt)" = "nightjar-package 1" ] && [ -n "$origin" ] && [ -n "$size" ] &&
    sed -n 3p seal.txt | grep -q '^exported-at [0-9-]\{10\}T[0-9:]\{8\}\.[0-9]\{6\}Z$' || bad "seal.txt has not the form of version 1"
[ "$(sed -n 5p seal.txt)" = "key $fingerprint" ] || bad "seal.txt names another key than data/keys/daemon.pub.pem"
whole "signed by the key with the fingerprint $fingerprint"

begin key
if [ -f data/keys/certificate.note ]; then
    if open_note data/keys/certificate.note nightjar-admin data/keys/admin.pub.pem; then
        given=$(sha <"$T/raw")
        {
            printf 'nightjar key certificate v1\norigin %s\nname nightjar-%s\n' "$origin" "$origin"
            printf 'ed25519 %s\n' "$(base64 <"$T/daemon")"
            sed -n '5s/^from [0-9-]\{10\}T[0-9:]\{8\}\.[0-9]\{6\}Z$/&/p' "$T/text"
        } | cmp -s - "$T/text" || bad "the certificate is about another key or another log"
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
    remark "KEYS WERE NOT COMPARED: give --admin or --key with a fingerprint that you have from elsewhere"

# --- evidence ---------------------------------------------------------------------------

begin manifests
sed -n 's/^data\/evidence\/\([0-9a-f]\{32\}\)\/manifest\.json$/\1/p' "$T/payload" >"$T/ids"
[ -s "$T/ids" ] || bad "there is no evidence"
while IFS= read -r id; do
    for name in entry.json proof.tlog watch.json inference.json; do echo "data/evidence/$id/$name"; done
    echo "data/evidence/$id/manifest.json"
done <"$T/ids" | sort >"$T/want"
grep '^data/evidence/' "$T/payload" | cmp -s - "$T/want" || bad "a folder of evidence has not the five files it must have"
awk '/  data\/files\// { print $2 }' manifest-sha256.txt | sed 's/^/.\//' | while IFS= read -r name; do [ ! -f "$name" ] || echo "$name"; done |
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
comm -23 "$T/named" "$T/originals" >"$T/wrong"
while read -r hash bytes; do bad "named by a manifest, but not among the originals: $hash of $bytes bytes"; done <"$T/wrong"
comm -13 "$T/named" "$T/originals" >"$T/wrong"
while read -r hash bytes; do bad "an original that no manifest names: $hash"; done <"$T/wrong"
whole "$(wc -l <"$T/ids" | tr -d ' ') manifests name $(wc -l <"$T/originals" | tr -d ' ') originals, each is there"

begin entries
mkdir "$T/e"
while IFS= read -r id; do
    folder=data/evidence/$id
    [ -f "$folder/entry.json" ] && [ -f "$folder/manifest.json" ] || continue
    { printf '\000'; cat "$folder/entry.json"; } >"$T/e/$id"
    echo "$folder/entry.json"
done <"$T/ids" >"$T/entries"
{
    sed 's/entry\.json$/manifest.json/' "$T/entries" | xargs sha256sum
    xargs awk '{ print "entry", FILENAME, $0 }' <"$T/entries"
} 2>/dev/null | awk '
    $1 != "entry" { split($2, part, "/"); hash[part[3]] = $1; next }
    {
        split($2, part, "/"); id = part[3]; seen[id]++
        if (seen[id] > 1 || !index($0, "\"kind\":\"evidence\"") || !index($0, "\"evidence_id\":\"" id "\"") ||
            !index($0, "\"manifest_sha256\":\"" hash[id] "\"")) print id
    }' >"$T/wrong"
while IFS= read -r id; do bad "data/evidence/$id/entry.json does not name its manifest"; done <"$T/wrong"
whole "every entry names the SHA-256 of its manifest"

# --- the log ----------------------------------------------------------------------------

# hash_nodes: lines "number left right" (hex) to lines "number hash", by number; RFC 6962: SHA-256(1 || left || right)
hash_nodes() {
    rm -rf "$T/n"
    mkdir "$T/n"
    awk 'BEGIN { for (i = 0; i < 256; i++) octal[sprintf("%02x", i)] = sprintf("\\%03o", i) }
        {
            both = $2 $3; text = "\\001"
            for (i = 1; i <= 128; i += 2) text = text octal[substr(both, i, 2)]
            printf "printf '\''%s'\'' >%s\n", text, $1
        }' >"$T/script"
    [ -s "$T/script" ] || return 0
    (cd "$T/n" && . "$T/script" && find . -type f | xargs sha256sum) | sed 's/^\(.\{64\}\) .\.\/\(.*\)$/\2 \1/' | sort -n
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
    whole "$size leaves lead to the root $root: nothing was left out"
fi

begin checkpoint
if open_note data/log/checkpoint "nightjar-$origin" $key; then
    [ "$(sed 4d "$T/text")" = "$(printf 'nightjar-%s\n%s\n%s' "$origin" "$size" "$sealed_root")" ] &&
        [ "$(wc -l <"$T/text")" -eq 4 ] && sed -n 4p "$T/text" | grep -q '^time [0-9-]\{10\}T[0-9:]\{8\}\.[0-9]\{6\}Z$' ||
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
        printf '\000%s' "$text" >"$T/x/$place"
    done <"$T/texts" 3<"$T/index"
    (cd "$T/x" && find . -type f | xargs sha256sum) 2>/dev/null | sed 's/^\(.\{64\}\) .\.\/\(.*\)$/\2 \1/' |
        awk -v dir="$T" 'BEGIN { while ((getline hash < (dir "/level.0")) > 0) leaf[n++] = hash } leaf[$1] != $2 { print $1 }' >"$T/wrong"
    while read -r place; do bad "data/log/entries.jsonl: entry $place does not hash to its leaf"; done <"$T/wrong"
    lines=$(wc -l <data/log/entries.jsonl)
    [ "$(find "$T/x" -type f | wc -l)" -eq "$lines" ] && [ "$(wc -l <"$T/texts")" -eq "$lines" ] && [ "$(tail -c 1 data/log/entries.jsonl | hexes)" = 0a ] ||
        bad "data/log/entries.jsonl has a line that is no entry, twice, or out of order"
    whole "$(wc -l <data/log/entries.jsonl | tr -d ' ') entries of the log hash to their leaves"
else
    bad "data/log/entries.jsonl is missing, or there are no leaves to compare with"
fi

begin consistency
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
        for pem in $key data/keys/old/*/daemon.pub.pem; do
            [ -f "$pem" ] && [ -f "$note" ] && open_note "$note" "nightjar-$origin" "$pem" && opened=1 && break
        done
        [ -n "$opened" ] && [ "$(sed 4d "$T/text")" = "$(printf 'nightjar-%s\n%s\n%s' "$origin" "$m" "$want")" ] ||
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

begin time
if [ -f data/time/status.json ]; then
    tr -d ' ,"' <data/time/status.json | awk -F: '$1 == "size" { size = $2 } $1 == "authority" { name = $2 } $1 == "state" { print $2, size "-" name }' >"$T/asked"
    sed -n 's/^whole //p' "$T/asked" | sort >"$T/want"
    waiting=$(grep -c '^waiting ' "$T/asked")
    sed -n 's/^data\/time\/\([^/]*\)\.tsr$/\1/p' "$T/payload" | sort | cmp -s - "$T/want" || bad "the responses are not those of data/time/status.json"
    sed -n 's/^data\/time\/\([^/]*\)\.tsq$/\1/p' "$T/payload" | sort | cmp -s - "$T/want" || bad "the requests are not those of data/time/status.json"
    [ -z "$roots" ] || cat "$roots"/*.pem >"$T/roots.pem" 2>/dev/null
    while IFS= read -r stem; do
        note=data/log/checkpoints/${stem%%-*} ca=data/time/roots/${stem#*-}.pem
        [ -z "$roots" ] || ca=$T/roots.pem
        ask="openssl ts -verify -in data/time/$stem.tsr -CAfile $ca"
        if [ ! -s "$ca" ]; then
            bad "data/time/$stem.tsr: there is no root to check it against"
        elif { $ask -data "$note" && $ask -queryfile "data/time/$stem.tsq"; } >/dev/null 2>&1; then :
        else
            # an authority's certificate may have expired since: then judge by the time in the token
            when=$(openssl ts -reply -in "data/time/$stem.tsr" -text 2>/dev/null | sed -n 's/^Time stamp: //p')
            when=$(date -u -d "$when" +%s 2>/dev/null)
            if [ -n "$when" ] && { $ask -attime "$when" -data "$note" && $ask -attime "$when" -queryfile "data/time/$stem.tsq"; } >/dev/null 2>&1; then
                remark "data/time/$stem.tsr holds at its own time; its certificate has expired since"
            else
                bad "data/time/$stem.tsr is no timestamp over $note by an authority that is trusted here"
            fi
        fi
    done <"$T/want"
    if [ -s "$T/want" ]; then
        whole "$(wc -l <"$T/want" | tr -d ' ') timestamps hold"
        [ -n "$roots" ] || remark "ROOTS OF TIME-STAMP AUTHORITIES WERE NOT COMPARED: give --tsa-roots with a folder of those you trust"
    else
        late="; time pending"
        remark "time pending: no timestamp is in this package, $waiting asked for"
    fi
else
    bad "data/time/status.json is missing"
fi

begin archive
if [ -f data/warc/nightjar.warc.gz ]; then
    gzip -t data/warc/nightjar.warc.gz 2>/dev/null || bad "data/warc/nightjar.warc.gz is not whole gzip"
    whole "the web archive is whole gzip"
fi
end
