"""Names, places and organizations as the language models see them."""

from typing import Any, NamedTuple

from presidio_analyzer import LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

ENTITIES = ["PERSON", "LOCATION", "ORGANIZATION"]
_LABELS = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}
_SCORE = 0.85  # the models give no usable score; this is what such a model is right about, roughly


class Entity(NamedTuple):
    """What is kept of a spaCy span: the span itself ends with the memory zone it was made in."""

    start_char: int
    end_char: int
    label_: str


def read(pipeline: Any, text: str) -> list[Entity]:
    """Run a model. Strings and lexemes of the text are forgotten afterwards: spaCy would keep every word for ever."""
    with pipeline.memory_zone():
        return [Entity(span.start_char, span.end_char, span.label_) for span in pipeline(text).ents]


class ModelNames(LocalRecognizer):
    """What the language's own model found, from Presidio's artifacts."""

    def __init__(self, language: str) -> None:
        super().__init__(supported_entities=ENTITIES, supported_language=language, name=type(self).__name__)

    def load(self) -> None:
        """Nothing to load: the NLP engine holds the models."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The entities of the artifacts."""
        del text
        return self.results(nlp_artifacts.entities if nlp_artifacts else [], entities)

    def results(self, spans: Any, entities: list[str]) -> list[RecognizerResult]:
        """Presidio's results for spaCy's spans."""
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        found = ((_LABELS.get(span.label_), span) for span in spans)
        return [
            RecognizerResult(label, span.start_char, span.end_char, _SCORE, recognition_metadata=metadata)
            for label, span in found
            if label in entities
        ]


class SecondModelNames(ModelNames):
    """Another model beside the language's own one."""

    def __init__(self, language: str, pipeline: Any) -> None:
        self._pipeline = pipeline
        super().__init__(language)

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """The entities of the other model."""
        del nlp_artifacts
        return self.results(read(self._pipeline, text), entities)
