"""What requests cost, in dollars, as of August 2026.

https://docs.x.com/x-api/getting-started/pricing. The page names no price for deleting one's own post; the
one of "Interaction: Delete" is taken. Reads of one's own account are reads of a user: what it calls owned reads are
posts, followers and the like. Uploads and captions have no price.
"""

from __future__ import annotations

from collections.abc import Mapping

COSTS: Mapping[str, float] = {
    "post_read": 0.005,
    "counts_recent": 0.005,
    "counts_all": 0.010,
    "post": 0.015,
    "post_with_url": 0.200,
    "delete": 0.010,
    "media_metadata": 0.005,
    "own_read": 0.001,
    "user_read": 0.010,
}
