"""Azure AI Content Safety."""

from sluice.providers.judge_azure import ContentSafety
from sluice.providers.text_judge import FINE, Flagged
from tests.providers.judging import asked, finding, questions

SAFETY = ContentSafety(jailbreak_version="2024-02-15-preview")


def graded(**severities: int | None) -> object:
    return {"categoriesAnalysis": [{"category": name, "severity": grade} for name, grade in severities.items()]}


def test_texts_are_analyzed_and_looked_through_for_jailbreaks() -> None:
    analyze, detect = questions(SAFETY, asked("a", "b"))
    assert analyze == ("/contentsafety/text:analyze?api-version=2024-09-01", {"text": "a\nb"})
    assert detect == ("/contentsafety/text:detectJailbreak?api-version=2024-02-15-preview", {"text": "a\nb"})
    assert len(questions(SAFETY, asked("a", side="response"))) == 1


def test_lists_of_words_are_looked_for_too() -> None:
    form = ContentSafety(blocklists=("names",), halt_on_blocklist=True)
    ((_, body),) = questions(form, asked("a"))
    assert body == {"text": "a", "blocklistNames": ["names"], "haltOnBlocklistHit": True}
    assert finding(form, asked("a"), {"categoriesAnalysis": [], "blocklistsMatch": [{}]}) == Flagged("blocklist")


def test_jailbreaks_are_shielded_from_in_later_versions() -> None:
    form = ContentSafety(analyze_version="", jailbreak_version="2024-09-01")
    path = "/contentsafety/text:shieldPrompt?api-version=2024-09-01"
    assert questions(form, asked("a")) == [(path, {"userPrompt": "a", "documents": []})]
    for attack, means in ((True, Flagged("jailbreak")), (False, FINE)):
        assert finding(form, asked("a"), {"userPromptAnalysis": {"attackDetected": attack}}) == means


def test_a_grade_from_the_threshold_on_is_flagged() -> None:
    no_jailbreak = {"jailbreakAnalysis": {"detected": False}}
    form = SAFETY
    assert finding(form, asked("a"), graded(Hate=1, Sexual=None), no_jailbreak) == FINE
    assert finding(form, asked("a"), graded(Hate=2, Violence=4), no_jailbreak) == Flagged("Hate, Violence")
    assert finding(form, asked("a"), graded(Hate=0), {"jailbreakAnalysis": {"detected": True}}) == Flagged("jailbreak")


def test_a_long_text_is_asked_about_in_pieces_and_one_finding_is_enough() -> None:
    form = SAFETY
    about = asked("x" * 25_000)
    said = questions(form, about)
    paths = [path.partition("?")[0].rpartition(":")[2] for path, _ in said]
    assert (paths.count("analyze"), paths.count("detectJailbreak")) == (3, 28)
    answers = [graded(Hate=0)] * 3 + [{"jailbreakAnalysis": {"detected": number == 27}} for number in range(28)]
    assert finding(form, about, *answers) == Flagged("jailbreak")
