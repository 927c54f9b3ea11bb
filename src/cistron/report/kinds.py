"""The sections of a run's page, in their order: whoever adds one adds it here."""

from __future__ import annotations

from cistron.report.section import ReportSection
from cistron.report.sections.ablation import ABLATION
from cistron.report.sections.audit import AUDIT
from cistron.report.sections.calibration import CALIBRATION
from cistron.report.sections.calls import CALLS
from cistron.report.sections.candidates import CANDIDATES
from cistron.report.sections.classes import CLASSES
from cistron.report.sections.composition import COMPOSITION
from cistron.report.sections.data import DATA
from cistron.report.sections.features import FEATURES
from cistron.report.sections.folds import FOLDS
from cistron.report.sections.genes import GENES
from cistron.report.sections.glossary import GLOSSARY
from cistron.report.sections.groups import GROUPS
from cistron.report.sections.headline import HEADLINE
from cistron.report.sections.numbers import NUMBERS
from cistron.report.sections.predict import PREDICT
from cistron.report.sections.projection import PROJECTION
from cistron.report.sections.provenance import PROVENANCE
from cistron.report.sections.repeats import REPEATS
from cistron.report.sections.second import SECOND
from cistron.report.sections.settings import SETTINGS
from cistron.report.sections.training import TRAINING

SECTIONS: list[ReportSection] = [
    HEADLINE,
    DATA,
    AUDIT,
    CLASSES,
    NUMBERS,
    CALLS,
    SECOND,
    CALIBRATION,
    REPEATS,
    FOLDS,
    GROUPS,
    COMPOSITION,
    GENES,
    FEATURES,
    ABLATION,
    PROJECTION,
    CANDIDATES,
    TRAINING,
    PREDICT,
    SETTINGS,
    PROVENANCE,
    GLOSSARY,
]
