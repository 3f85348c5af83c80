"""The one error that users are meant to read."""


class LandlabError(Exception):
    """A mistake in what was asked, in one line: what, the value, what is allowed, the next step.

    The command line prints it without a traceback and exits with code 2.
    """


def an(noun: str) -> str:
    """Return a noun with its article, for messages."""
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"
