"""Words from a plan to whoever started it."""

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator


def tell(text: str) -> MsgGenerator[None]:
    """Show a text on the console, to be copied as it stands.

    Parameters
    ----------
    text
        What to show.
    """
    from rich.console import Console

    yield from bps.null()
    Console(markup=False, highlight=False, soft_wrap=True).print(text)
