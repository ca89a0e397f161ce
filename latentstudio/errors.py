"""The one exception that carries a sentence for the person in front of the screen."""


class UserError(Exception):
    """Something that the person can mend: the message is one sentence that names the file or value and what would do.

    The command line prints it and exits with status 2; the window shows it where the result would have been.
    """


class NewerVersionError(UserError):
    """A file was written by a newer LatentStudio than this one."""
