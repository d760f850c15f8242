"""Pure readers: a provider's response, chunk, or span by somebody else, to a `Reading`.

Never: an import of a provider's package.
"""
