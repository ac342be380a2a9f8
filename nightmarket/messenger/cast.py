"""Who is in the night's chats: two officers, a group in each language, and a stranger who may only try."""

from __future__ import annotations

from nightmarket.messenger.service import Service
from nightmarket.messenger.words import User

GROUP, GROUP_ZH = -1_002_026_112_101, -1_002_026_112_102
LI = User(user_id=5_001, name="Li")
CHEN = User(user_id=5_002, name="陈", language="zh-hans")
STRANGER = User(user_id=5_900, name="a stranger")
PEOPLE = (LI, CHEN, STRANGER)


def gather(service: Service) -> None:
    """The chats: one group in English, one in Chinese, and an own chat of each officer."""
    service.add_chat(GROUP, title="Night watch")
    service.add_chat(GROUP_ZH, title="夜间值守")
    for officer in (LI, CHEN):
        service.add_chat(officer.user_id, "private", title=officer.name)
        service.users[officer.user_id] = officer
