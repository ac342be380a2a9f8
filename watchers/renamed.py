"""Whether two targets saw one post. Pure.

A post is known by its target and its number there, so that under a target's new name, or in two targets
that overlap, the same advert is seen as another. Its own pictures and its own past are no second witness.
"""

from __future__ import annotations

from storage.codec import clean
from storage.model import NO_PAGE, Evidence


def is_same_post(evidence: Evidence, target: str, post_id: str, url: str) -> bool:
    """Whether what another target found at this address, by this number, is the post of the evidence.

    Posts without a page of their own all have the address of their list: there the number decides too.
    """
    post = evidence.post
    if target == clean(evidence.target) or not url or url != clean(post.url):
        return False
    return NO_PAGE not in post.extra or clean(post.post_id) == post_id
