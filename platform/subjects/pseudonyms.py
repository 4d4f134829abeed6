"""Pseudonyms people can read aloud, drawn at random: nothing of the person goes into them."""

import secrets


def draw() -> str:
    """Return a random pseudonym like ``amber-heron-4821`` (about 80 million exist)."""
    return f"{secrets.choice(_QUALITIES)}-{secrets.choice(_BIRDS)}-{1000 + secrets.randbelow(9000)}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_QUALITIES = _words("""
    amber ample apricot azure bold brave bright brisk calm candid cedar cerise chalk clear clever cobalt copper coral
    crimson dapper deft eager early ebony fair fern fleet fond frank gentle ginger glad golden grand green hazel
    honest indigo ivory jade jolly keen kind lemon lilac lively lucid lunar maple mellow mild misty modest navy
    nimble noble olive opal orange patient pearl plain plum polite proud quick quiet rapid ready ruby rustic sage
    sandy scarlet serene silver sincere solar steady sunny swift tawny teal tidy topaz umber velvet vivid warm wise
""")
_BIRDS = _words("""
    avocet bittern blackbird bluebird bunting buzzard canary cardinal chaffinch chough cormorant crane crossbill
    cuckoo curlew dipper dotterel dove dunlin dunnock eagle egret eider falcon fieldfare finch flamingo flycatcher
    fulmar gannet goldfinch goose goshawk grebe grouse gull harrier hawk heron hobby hoopoe hummingbird ibis jackdaw
    jay kestrel kingfisher kite kittiwake knot lapwing lark linnet loon magpie martin merlin nightjar nuthatch oriole
    osprey ouzel owl partridge pelican petrel pheasant pigeon pipit plover puffin quail raven redstart robin rook
    ruff sanderling sandpiper serin shelduck shrike siskin skua skylark snipe sparrow starling stilt stork swallow
    swan swift teal tern thrush turnstone wagtail warbler waxwing wheatear whimbrel wigeon woodcock wren wryneck
""")
