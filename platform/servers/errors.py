"""What can go wrong while servers are started, stopped or looked for."""


class ServersError(Exception):
    """Something about the embedded servers needs a person's attention; the message says what to do."""


class AlreadyRunning(ServersError):
    """Another launcher holds the state directory."""


class NotReady(ServersError):
    """A process ended or stayed silent instead of becoming ready."""


class StepFailed(ServersError):
    """A command that had to succeed returned a non-zero exit code."""


class UnusableState(ServersError):
    """The state directory cannot be used as it is."""
