"""The doors of the app: parse, call one service, answer."""
