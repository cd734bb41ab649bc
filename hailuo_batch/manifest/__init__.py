"""From a manifest's text to a campaign, or to every diagnostic at once.

Owns the manifest's language: YAML and CSV with places, the JSON Schema, substitution and expansion. Knows nothing of
ledgers, networks or commands. A manifest with any error gives no campaign at all.
"""

from hailuo_batch.manifest.changed_files import find_concerned
from hailuo_batch.manifest.diagnostic_text import render_diagnostic
from hailuo_batch.manifest.diagnostics import Diagnostic, Severity
from hailuo_batch.manifest.images.references import ResolvedImage
from hailuo_batch.manifest.load import (
    LoadedManifest,
    ManifestText,
    load_manifest,
    load_with_image_findings,
    load_with_image_warnings,
)
from hailuo_batch.manifest.starter import STARTER_MANIFEST, starter_manifest

__all__ = [
    "STARTER_MANIFEST",
    "Diagnostic",
    "LoadedManifest",
    "ManifestText",
    "ResolvedImage",
    "Severity",
    "find_concerned",
    "load_manifest",
    "load_with_image_findings",
    "load_with_image_warnings",
    "render_diagnostic",
    "starter_manifest",
]
