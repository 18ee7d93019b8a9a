"""Labels: the keys and values by which sources are grouped and access is narrowed."""

from penstock.resources.labels.operations import create_label, delete_label, list_labels
from penstock.resources.labels.repository import select_labels
from penstock.resources.labels.service import add_default_labels

USES = ()
OPERATIONS = (list_labels, create_label, delete_label)
__all__ = ["OPERATIONS", "USES", "add_default_labels", "select_labels"]
