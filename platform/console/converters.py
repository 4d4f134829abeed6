"""Public ids in the console's addresses: anything else than an id with the right prefix is a 404."""

from uuid import UUID

from core.ids import MalformedId, parse_public_id, public_id


class PublicId:
    """Converts between a public id in an address and the UUID inside."""

    prefix = ""
    regex = "[a-z]+_[0-9a-z]{26}"

    def to_python(self, value: str) -> UUID:
        """Return the UUID; a ValueError means that the address does not exist."""
        try:
            return parse_public_id(self.prefix, value)
        except MalformedId as error:
            raise ValueError(error.detail) from error

    def to_url(self, value: UUID | str) -> str:
        """Return the public id."""
        return public_id(self.prefix, value) if isinstance(value, UUID) else value


def public(prefix: str) -> type[PublicId]:
    """Return the converter of ids with one prefix."""
    return type(f"PublicId_{prefix}", (PublicId,), {"prefix": prefix})
