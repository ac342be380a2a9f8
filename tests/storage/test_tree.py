"""The log's tree against RFC 6962: known answers, the definition, and proofs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tree import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    check_consistency,
    consistency,
    leaf_hash,
    path_of,
    root_by_path,
    root_of,
)

# The eight inputs and roots of the Certificate Transparency reference implementation.
INPUTS = (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT == root_of([])
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize("size", range(1, 9))
def test_known_roots_come_out(size: int) -> None:
    assert Frontier().extend(LEAVES[:size]).root().hex() == ROOTS[size - 1]
    assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]


def test_a_known_proof_comes_out() -> None:
    # RFC 6962 reference: inclusion of leaf 0 in the tree of 8.
    assert [node.hex()[:16] for node in path_of(0, LEAVES)] == [
        "96a296d224f285c6", "5f083f0a1a33ca07", "6b47aaf29ee3c2af",
    ]  # fmt: skip


def test_frontier_definition_and_proofs_agree_for_every_size_to_130() -> None:
    leaves = [leaf_hash(str(n).encode()) for n in range(130)]
    frontier = Frontier()
    for size, leaf in enumerate(leaves, 1):
        frontier = frontier.append(leaf)
        root = root_of(leaves[:size])
        assert frontier.root() == root
        assert len(frontier.peaks) == size.bit_count()
        for index in {0, size // 2, size - 1}:
            proof = path_of(index, leaves[:size])
            assert root_by_path(leaves[index], index, size, proof) == root


@given(st.integers(1, 60), st.data())
def test_a_proof_with_any_change_leads_elsewhere(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(str(n).encode()) for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    proof = list(path_of(index, leaves))
    root = root_of(leaves)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        bent = [*proof[:at], bytes([proof[at][0] ^ 1, *proof[at][1:]]), *proof[at + 1 :]]
        assert root_by_path(leaves[index], index, size, bent) != root
        with pytest.raises(ValueError, match="short"):
            root_by_path(leaves[index], index, size, proof[:-1])
    with pytest.raises(ValueError, match="long"):
        root_by_path(leaves[index], index, size, [*proof, root])


def test_a_leaf_that_is_not_there_has_no_proof() -> None:
    with pytest.raises(IndexError):
        path_of(8, LEAVES)
    with pytest.raises(ValueError, match="no leaf"):
        root_by_path(LEAVES[0], 8, 8, ())


def test_known_consistency_proofs_come_out() -> None:
    # The Certificate Transparency reference implementation: 1 to 8, 6 to 8, 2 to 5.
    known = {
        (1, 8): ["96a296d224f285c6", "5f083f0a1a33ca07", "6b47aaf29ee3c2af"],
        (6, 8): ["0ebc5d3437fbe2db", "ca854ea128ed050b", "d37ee418976dd957"],
        (2, 5): ["5f083f0a1a33ca07", "bc1a0643b12e4d2d"],
    }
    for (first, second), nodes in known.items():
        assert [node.hex()[:16] for node in consistency(first, LEAVES[:second])] == nodes


def _by_definition(first: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of RFC 6962, 2.1.2, word by word."""
    if first == len(leaves):
        return [] if whole else [root_of(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if first <= split:
        return [*_by_definition(first, leaves[:split], whole), root_of(leaves[split:])]
    return [*_by_definition(first - split, leaves[split:], False), root_of(leaves[:split])]


def test_consistency_proofs_are_those_of_the_definition_for_every_pair_to_70() -> None:
    leaves = [leaf_hash(str(n).encode()) for n in range(70)]
    roots = [root_of(leaves[:size]) for size in range(71)]
    for second in range(1, 71):
        tree = Tree.of(leaves[:second])
        for first in range(1, second + 1):
            proof = tree.consistency(first)
            assert list(proof) == _by_definition(first, leaves[:second], True)
            assert check_consistency(first, second, roots[first], roots[second], proof)
        assert check_consistency(0, second, EMPTY_ROOT, roots[second], tree.consistency(0))


@given(st.integers(2, 60), st.data())
def test_a_consistency_proof_with_any_change_is_refused(second: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(str(n).encode()) for n in range(second)]
    first = data.draw(st.integers(1, second - 1))
    proof, old, new = consistency(first, leaves), root_of(leaves[:first]), root_of(leaves)
    at = data.draw(st.integers(0, len(proof) - 1))
    bent = (*proof[:at], bytes([proof[at][0] ^ 1, *proof[at][1:]]), *proof[at + 1 :])
    assert not check_consistency(first, second, old, new, bent)
    assert not check_consistency(first, second, old, new, proof[:-1])
    assert not check_consistency(first, second, old, new, (*proof, new))
    assert not check_consistency(first, second, new, new, proof)
    assert not check_consistency(first, second, old, old, proof)
    assert not check_consistency(second, first, old, new, proof)


def test_a_tree_with_another_past_is_not_consistent() -> None:
    other = [LEAVES[0], leaf_hash(b"another past"), *LEAVES[2:]]
    proof = consistency(5, other)
    assert not check_consistency(5, 8, root_of(LEAVES[:5]), root_of(other), proof)


def test_a_longer_beginning_than_the_tree_has_no_proof() -> None:
    with pytest.raises(IndexError):
        consistency(9, LEAVES)
    assert Tree.of([]).root == EMPTY_ROOT
    assert not check_consistency(-1, 8, EMPTY_ROOT, root_of(LEAVES), ())
    assert not check_consistency(3, 3, EMPTY_ROOT, root_of(LEAVES[:3]), ())
