"""The HTTP front door for verifiers and rights holders: the same verbs as the shell.

Empty so far: it comes with the verification service. Nothing here is imported by ``import intaglio``.
"""
