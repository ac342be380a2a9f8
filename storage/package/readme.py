"""README.txt at the top of a package: what lies where, and how to check it without Nightjar."""

README = """\
This folder was exported by Nightjar. It can be checked without Nightjar, and without a network:

    sh verify.sh --key FINGERPRINT         (or --admin FINGERPRINT; and --tsa-roots FOLDER)

It needs a POSIX shell, coreutils, awk, find, sed, openssl 3 and gzip, and ends with exit code 0 (whole),
1 (something does not hold) or 2 (it could not be checked here: wrong use, a program that is missing or too
old, no room for temporary files; that says nothing of the folder). Ask the office that exported this folder,
by another way than this folder, for the fingerprint of the daemon key that it used then (--key). The
fingerprint of its admin key (--admin) tells less: with it alone, daemon keys that were replaced since pass
too. Without a fingerprint nobody can tell this folder from one that somebody else signed with a key of his
own. It is the same with the roots of the time-stamp authorities: give the folder of roots that you trust with
--tsa-roots.

What lies where
    data/evidence/<id>/manifest.json   what was received at one look, with times, connection and gaps
    data/evidence/<id>/entry.json      its entry in the log; names the SHA-256 of manifest.json
    data/evidence/<id>/proof.tlog      that the entry is in the log (C2SP tlog-proof)
    data/evidence/<id>/watch.json      further looks at the post, and its lifetime
    data/evidence/<id>/inference.json  what a program concluded; not evidence
    data/files/                        originals; the name of each is the SHA-256 of its bytes. Pages
                                       are called .txt: opened as pages they could call their site
    data/log/checkpoint                the signed state of the log that all proofs lead to
    data/log/leaves.txt                the hash of every entry of the log: none was left out of this
                                       list; what they say is shown of some only
    data/log/entries.jsonl             the entries that may be shown
    data/log/checkpoints/              earlier states, those that have timestamps
    data/log/consistency/              that nothing was changed between those states
    data/time/                         RFC 3161 timestamps: request (.tsq), response (.tsr), roots
    data/keys/                         public keys; certificate.note is the admin key's word for them
    data/warc/, data/wacz/             the same answers for web archive programs
    data/report/report.html            for people, with small pictures; nothing in it runs
    data/case/                         who, why, and tables for case management programs
    data/schema/                       the JSON Schema of manifest.json
    seal.txt, seal.sig                 what was handed over, signed
    signatures/                        the same in the forms of other programs

Evidential and working copies
    Evidential: data/files, manifest.json, entry.json and proof.tlog; data/log, data/time and data/keys,
    which show that these are what they were.
    Working copies, NOT EVIDENTIAL, made at export to be read and searched: data/report and its pictures,
    data/case (but the log has the hashes of the records in case.json), data/warc, data/wacz,
    watch.json, inference.json.
    To open or edit an original, copy it out of this folder: what is changed in here makes the check fail.

Single checks by hand
    sha256sum -c --quiet tagmanifest-sha256.txt manifest-sha256.txt
    openssl pkeyutl -verify -rawin -pubin -inkey data/keys/daemon.pub.pem -sigfile seal.sig -in seal.txt
    minisign -V -p data/keys/daemon.minisign.pub -x signatures/tagmanifest.minisig -m tagmanifest-sha256.txt
    signify-openbsd -V -p data/keys/daemon.signify.pub -x signatures/tagmanifest.signify \\
        -m tagmanifest-sha256.txt
    ssh-keygen -Y verify -f data/keys/allowed_signers -I nightjar -n nightjar \\
        -s signatures/tagmanifest.sshsig < tagmanifest-sha256.txt
    openssl ts -verify -data data/log/checkpoints/SIZE -in data/time/SIZE-AUTHORITY.tsr \\
        -CAfile data/time/roots/AUTHORITY.pem

What this does not prove: that the site or the seller published these bytes (TLS does not sign content), that
the clock of the watching machine was right before the first timestamp, and that the watch saw everything.
Each manifest says so under not_proven. The format is described in docs/evidence.md of Nightjar.

Files in data/files come from strangers: do not open them in a program that may run them.
"""
