"""What is known of voters, for the records whose votes are counted now."""

from collections.abc import Collection, Mapping

from services.qa.domain.kinds import QuestionEstimates
from services.qa.domain.stored_estimates import put_together
from services.qa.storage import estimates
from services.qa.storage.estimates import SchemaKey
from shared.kit.database import Session


async def load(
    session: Session, voters: Collection[tuple[SchemaKey, str]]
) -> Mapping[SchemaKey, Mapping[str, QuestionEstimates]]:
    """What is known of these voters, by schema version and question; what was never estimated is missing."""
    stored = await estimates.of_voters(session, voters)
    return {
        key: {question: put_together(one) for question, one in by_question.items()}
        for key, by_question in stored.items()
    }
