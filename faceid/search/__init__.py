"""Search in large galleries: quantised copies rule rows out by bounds, what is left is compared exactly.

``columns``   what a gallery holds, by column
``nibbles``   the coarse copy in half bytes, its bound, and the scan for a few probes (faiss)
``octets``    the copy with 8 bits per number, and its bound
``reach``     which 8-bit rows may reach a bar: the product with many probes, compared where it is made (onnxruntime)
``passes``    the first passes over both, and how their threads share them (``crew``)
``hits``      the best so far, and the bar they set for the others
``layout``    where everything lies in the one file of a snapshot
``snapshot``  a frozen gallery in such a file: search in it, and rows overwritten at once
``shared``    one snapshot for all processes of a machine
``table``     the few rows that came after the snapshot
"""
