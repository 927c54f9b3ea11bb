"""What a served classifier is, and how far it can be trusted: read once, when a server starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cistron.base.document import Document
from cistron.base.domains import DNA, PROTEINS, Domain
from cistron.classifier.load import load
from cistron.classifier.predictor import Predictor
from cistron.experiment.run_folder import METRICS, Run
from cistron.report.metadata import METADATA
from cistron.report.page import heading
from cistron.report.read import Content, read_run
from cistron.report.verdict import Finding, findings

READS = {"dna": "DNA"}
NOT_STATED = "not stated by whoever made the run"
# Human ubiquitin and insulin, which have sequences everybody knows.
EXAMPLE = """>sp|P0CG48|UBC_HUMAN
MQIFVKTLTGKTITLEVEPSDTIENVKAKIQDKEGIPPDQQRLIFAGKQLEDGRTLSDYNIQKESTLHLVLRLRGG
>sp|P01308|INS_HUMAN
MALWMRLLPLLALLALWGPDPAAAFVNQHLCGSHLVEALYLVCGERGFFYTPKTRREAEDLQVGQVELGGGPGAGSLQPLALEGSLQ
KRGIVEQCCTSICSLYQLENYCN
"""


@dataclass(frozen=True)
class ServedModel:
    """What the first page and `/v1/models` say of a classifier.

    Parameters
    ----------
    name : str
        As in addresses.
    run : Path
    title : str
    sha256 : str
    domain : Domain
    classes : tuple of str
        Empty of a number.
    findings : tuple of Finding
        The verdict of the report; empty where nothing was scored.
    facts : dict of str to str
    example : str
        Empty where there is none.
    """

    name: str
    run: Path
    title: str
    sha256: str
    domain: Domain
    classes: tuple[str, ...]
    findings: tuple[Finding, ...]
    facts: dict[str, str]
    example: str

    @property
    def alarms(self) -> list[Finding]:
        """What the banner says: a model that does not beat its baselines, leaks, or confounds."""
        first = [f for f in self.findings if f.question.startswith("Better")]
        bad = [f for f in self.findings if f.state == "fail" and not f.question.startswith("Cal")]
        return bad + [f for f in first if f.state != "pass" and f not in bad]

    def document(self) -> Document:
        """Return what the API says."""
        return {
            "name": self.name,
            "title": self.title,
            "sha256": self.sha256,
            "reads": self.domain.name,
            "classes": list(self.classes),
            "verdict": [vars(finding) for finding in self.findings],
            "trusted": bool(self.findings) and not self.alarms,
            "facts": self.facts,
        }


def read_models(runs: dict[str, Path]) -> dict[str, ServedModel]:
    """Read the classifiers of runs, each file of which is checked.

    Raises
    ------
    InputError
        If one cannot be loaded.
    """
    return {name: _read(name, run) for name, run in runs.items()}


def _read(name: str, run: Path) -> ServedModel:
    classifier = load(run)
    content = read_run(run) if (run / METRICS).is_file() else None
    return ServedModel(
        name=name,
        run=run,
        title=content.name if content else name,
        sha256=str(classifier.checksum_),
        domain=classifier.domain,
        classes=tuple(map(str, classifier.classes_)),
        findings=tuple(findings(content.metrics, content.audit)) if content else (),
        facts=_facts(classifier, content, run),
        example=_example(classifier),
    )


def _facts(classifier: Predictor, content: Content | None, run: Path) -> dict[str, str]:
    facts = {"Reads": READS.get(classifier.domain.name, classifier.domain.name)}
    if content is not None:
        facts["Model"] = heading(content)
        if (used := content.used) is not None:
            facts["Learned from"] = f"{len(used):,} {classifier.domain.nouns}"
    facts["Answers"] = ", ".join(map(str, classifier.classes_)) or "a number"
    shortest, longest = (getattr(classifier.novelty_, n, None) for n in ("shortest", "longest"))
    if shortest is not None and longest is not None and longest < 2**53:
        facts["Training range"] = f"{shortest:,} to {longest:,} letters"
    license_, citation = _published(run)
    facts |= {"Licence": license_, "Citation": citation}
    return {**facts, "SHA-256": str(classifier.checksum_)}


def _published(run: Path) -> tuple[str, str]:
    """Return licence and citation, where whoever published the run wrote them into its metadata."""
    document = Run(run).read_json(METADATA) if (run / METADATA).is_file() else {}
    nodes = document.get("@graph", []) if isinstance(document, dict) else []
    known = {}
    for key in ("license", "citation"):
        values = [node.get(key) for node in nodes if isinstance(node, dict)]
        known[key] = next((str(value) for value in values if value), NOT_STATED)
    return known["license"], known["citation"]


def _example(classifier: Predictor) -> str:
    if classifier.domain is DNA:
        longest = getattr(classifier.novelty_, "longest", 0)
        length = longest if 0 < longest < 100_000 else 300
        letters = "TATAAAGGCGCGTTACCGATCGATTGCAACGTAGCTAGGCATCG"
        return f">example\n{(letters * (length // len(letters) + 1))[:length]}\n"
    return EXAMPLE if classifier.domain is PROTEINS else ""
