"""THE list of translations of operations: the name by which a provider's row asks for one, and its code."""

from collections.abc import Callable, Mapping

from sluice.errors import SluiceError
from sluice.operations import bedrock_embeddings, bedrock_rerank, rerank, vertex_embeddings, vertex_rerank
from sluice.operations.translation import Translation

TRANSLATIONS: Mapping[str, Translation] = {
    "bedrock_embeddings": bedrock_embeddings.translate,
    "bedrock_rerank": bedrock_rerank.translate,
    "vertex_embeddings": vertex_embeddings.translate,
    "vertex_rerank": vertex_rerank.translate,
}
"""Those of token counts stand in `token_count`: what they wrap is a dialect's."""

ERRORS: Mapping[str, Callable[[SluiceError], bytes]] = {"rerank": rerank.write_error}
"""Operation -> how its clients are told of an error, where that is not their dialect's way."""
