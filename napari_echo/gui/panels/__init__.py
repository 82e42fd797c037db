"""The sections of the dock: each shows a part of the session and asks for verbs."""
