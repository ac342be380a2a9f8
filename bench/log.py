"""The laws of the log: its tree against pymerkle's and RFC 6962, and how fast it grows.

pymerkle (GPL) runs in an environment of its own and is only asked: the root of every size from
1 to 2,000 and inclusion proofs drawn from a seed. Its consistency proofs are not those of RFC
6962 (it puts a mask over an inclusion proof), so ours are held against the definition, and
must join any two of its roots. The speed is that
of `Frontier` with the root taken after every leaf, as the daemon does in each transaction.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import time

from bench._verifiers import environment
from bench.figures import Figure, Result
from storage.tree import EMPTY_ROOT, Frontier, Tree, check_consistency, leaf_hash, root_by_path, root_of

NAME = "log"
SUMMARY = "the log's tree against pymerkle and RFC 6962, and leaves appended per second"
LEAVES = 2_000
PROOFS_A_SIZE = 4
PAIRS = 400
SPEED_LEAVES = 40_000
_WITHIN_S = 1_200
# The eight inputs and roots of the Certificate Transparency reference implementation.
_INPUTS = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
_CONSISTENCY = {
    (1, 8): ("96a296d224f285c6", "5f083f0a1a33ca07", "6b47aaf29ee3c2af"),
    (6, 8): ("0ebc5d3437fbe2db", "ca854ea128ed050b", "d37ee418976dd957"),
    (2, 5): ("5f083f0a1a33ca07", "bc1a0643b12e4d2d"),
}
# Runs in the other environment: wishes on standard input, answers on standard output.
_THEIRS = """
import json, sys, warnings
warnings.simplefilter("ignore")
from pymerkle import InmemoryTree
wish = json.load(sys.stdin)
tree = InmemoryTree(algorithm="sha256")
for n in range(wish["leaves"]):
    tree.append_entry(b"entry %d" % n)
json.dump({
    "roots": [tree.get_root(size).hex() for size in range(1, wish["leaves"] + 1)],
    "inclusion": [tree.prove_inclusion(at + 1, size).serialize()["path"] for at, size in wish["inclusion"]],
}, sys.stdout)
"""


def run(args: list[str]) -> Result:
    """Compare and measure."""
    parser = argparse.ArgumentParser(prog="bench log")
    parser.add_argument("--leaves", type=int, default=LEAVES, help="sizes from 1 to this (default 2000)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw; 0: another each time")
    options = parser.parse_args(args)
    seed = options.seed or time.time_ns() % 1_000_000
    count, draw = max(options.leaves, 2), random.Random(seed)
    inclusion = [
        (index, size)
        for size in range(1, count + 1)
        for index in sorted({0, size - 1, *(draw.randrange(size) for _ in range(PROOFS_A_SIZE - 2))})
    ]
    pairs = [sorted(draw.sample(range(1, count + 1), 2)) for _ in range(PAIRS)]
    theirs = _theirs({"leaves": count, "inclusion": inclusion})
    leaves = [leaf_hash(b"entry %d" % n) for n in range(count)]
    trees = {size: Tree.of(leaves[:size]) for size in range(1, count + 1)}
    return Result(
        figures=(
            *_equal(leaves, trees, theirs, inclusion, pairs),
            Figure("RFC 6962 vectors", _vectors(), len(_ROOTS) + len(_CONSISTENCY), "equal"),
            Figure("leaves appended with root", _speed(), 20_000, "at least", "/s"),
        ),
        notes=(f"seed {seed}",),
    )


def _theirs(wish: dict[str, object]) -> dict[str, list[list[str]]]:
    python = environment()
    done = subprocess.run(
        [str(python), "-c", _THEIRS],
        input=json.dumps(wish),
        capture_output=True,
        text=True,
        timeout=_WITHIN_S,
        check=True,
    )
    return dict(json.loads(done.stdout))


def _equal(
    leaves: list[bytes],
    trees: dict[int, Tree],
    theirs: dict[str, list[list[str]]],
    inclusion: list[tuple[int, int]],
    pairs: list[list[int]],
) -> tuple[Figure, ...]:
    """How many roots and proofs are the same, beside how many there were."""
    frontier, roots = Frontier(), 0
    their_roots = {size: bytes.fromhex(str(root)) for size, root in enumerate(theirs["roots"], 1)}
    for size, their_root in their_roots.items():
        frontier = frontier.append(leaves[size - 1])
        roots += frontier.root() == trees[size].root == their_root
    included = sum(
        _included(trees[size], leaves[index], index, path)
        for (index, size), path in zip(inclusion, theirs["inclusion"], strict=True)
    )
    defined = sum(
        list(trees[second].consistency(first)) == _by_definition(first, leaves[:second])
        for first, second in pairs
    )
    return (
        Figure("roots equal to pymerkle's", roots, len(trees), "equal"),
        Figure("inclusion proofs equal to pymerkle's", included, len(inclusion), "equal"),
        Figure("consistency proofs as RFC 6962 defines them", defined, len(pairs), "equal"),
        Figure(
            "pairs of pymerkle's roots consistent", _all_pairs(trees, their_roots), _pairs_of(trees), "equal"
        ),
    )


def _included(tree: Tree, leaf: bytes, index: int, path: list[str]) -> bool:
    """Theirs begins with the leaf itself, which RFC 6962 leaves out."""
    ours = tree.path(index)
    same = [leaf.hex(), *(step.hex() for step in ours)] == path
    return same and root_by_path(leaf, index, tree.size, ours) == tree.root


def _by_definition(first: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of RFC 6962, 2.1.2, word by word."""
    if first == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if first <= split:
        return [*_by_definition(first, leaves[:split], whole=whole), root_of(leaves[split:])]
    return [*_by_definition(first - split, leaves[split:], whole=False), root_of(leaves[:split])]


def _steps(trees: dict[int, Tree]) -> list[int]:
    """Sizes as checkpoints have them: all small ones, then every 41st."""
    return [size for size in trees if size <= 64 or size % 41 == 0]


def _pairs_of(trees: dict[int, Tree]) -> int:
    count = len(_steps(trees))
    return count * (count + 1) // 2


def _all_pairs(trees: dict[int, Tree], roots_: dict[int, bytes]) -> int:
    """How many pairs of their roots our proofs join, and no longer do when one root is another."""
    sizes, good = _steps(trees), 0
    for n, first in enumerate(sizes):
        for second in sizes[n:]:
            proof = trees[second].consistency(first)
            roots = roots_[first], roots_[second]
            good += check_consistency(first, second, *roots, proof) and not check_consistency(
                first, second, EMPTY_ROOT, roots[1], proof
            )
    return good


def _vectors() -> int:
    """How many known answers come out."""
    leaves = [leaf_hash(bytes.fromhex(text)) for text in _INPUTS]
    good = sum(root_of(leaves[:size]).hex() == root for size, root in enumerate(_ROOTS, 1))
    for (first, second), nodes in _CONSISTENCY.items():
        proof = Tree.of(leaves[:second]).consistency(first)
        good += tuple(step.hex()[:16] for step in proof) == nodes
    return good


def _speed() -> float:
    """Leaves per second: entry hashed, appended, root taken, each time."""
    entries = [
        b'{"at":"2026-11-24T02:14:00.000000Z","kind":"evidence","n":%d}' % n for n in range(SPEED_LEAVES)
    ]
    frontier, started = Frontier(), time.perf_counter()
    for entry in entries:
        frontier = frontier.append(leaf_hash(entry))
        frontier.root()
    return SPEED_LEAVES / (time.perf_counter() - started)
