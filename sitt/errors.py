"""The one exception a user is meant to read."""


class UserError(Exception):
    """Something the user can mend; the message is one sentence that names the file, key, value and the mend."""
