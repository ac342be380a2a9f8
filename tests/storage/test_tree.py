"""The log's tree against RFC 6962: known answers, the definition, and proofs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.tree import EMPTY_ROOT, Frontier, leaf_hash, path_of, root_by_path, root_of

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
