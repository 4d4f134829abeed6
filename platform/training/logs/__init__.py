"""Published logs of real behaviour, mapped onto an operator's catalogue.

Mappings are pure and stable: the same log and catalogue give the same rows on every machine.
"""
