"""Storage: the one door to the database."""

from retinue.storage.among import among
from retinue.storage.audit import AuditEntry, ChangeSet
from retinue.storage.chain import AuditSeal, AuditTurn, Verdict, prepare_turns, seal_audit, verify_audit
from retinue.storage.collecting import collecting_later
from retinue.storage.database import Database, explain_failure, make_engine
from retinue.storage.declare import (
    MODELS,
    NOT_PERSONAL,
    Access,
    Base,
    Derived,
    Field,
    Privacy,
    Sealed,
    check_declarations,
    contact_ref,
    faults_of,
    field,
    fields_of,
    key,
    personal,
    plugin_base,
    ref,
    sealed_fields,
)
from retinue.storage.folding import fold
from retinue.storage.hiding import hidden_names
from retinue.storage.ids import INDEX_SUBJECT, SYSTEM_SUBJECT, new_id, new_ids
from retinue.storage.keys import KeyStore, check_keys
from retinue.storage.masters import MasterKeys, write_masters
from retinue.storage.privacy import Held, is_about, personal_registry, privacy_faults, subject_path
from retinue.storage.reads import ReadEntry, forget_reads
from retinue.storage.reverting import Reverted, revert_change_set, touched_contacts
from retinue.storage.scoping import Refused
from retinue.storage.sealing import sealed
from retinue.storage.sets import AccessReader, AccessSet, Share, parse_shares
from retinue.storage.shredding import ShredOrder, carry_out_orders, find_resurrected, order_shredding
from retinue.storage.store import Store
from retinue.storage.types import UtcDateTime, json_type

__all__ = [
    "INDEX_SUBJECT",
    "MODELS",
    "NOT_PERSONAL",
    "SYSTEM_SUBJECT",
    "Access",
    "AccessReader",
    "AccessSet",
    "AuditEntry",
    "AuditSeal",
    "AuditTurn",
    "Base",
    "ChangeSet",
    "Database",
    "Derived",
    "Field",
    "Held",
    "KeyStore",
    "MasterKeys",
    "Privacy",
    "ReadEntry",
    "Refused",
    "Reverted",
    "Sealed",
    "Share",
    "ShredOrder",
    "Store",
    "UtcDateTime",
    "Verdict",
    "among",
    "carry_out_orders",
    "check_declarations",
    "check_keys",
    "collecting_later",
    "contact_ref",
    "explain_failure",
    "faults_of",
    "field",
    "fields_of",
    "find_resurrected",
    "fold",
    "forget_reads",
    "hidden_names",
    "is_about",
    "json_type",
    "key",
    "make_engine",
    "new_id",
    "new_ids",
    "order_shredding",
    "parse_shares",
    "personal",
    "personal_registry",
    "plugin_base",
    "prepare_turns",
    "privacy_faults",
    "ref",
    "revert_change_set",
    "seal_audit",
    "sealed",
    "sealed_fields",
    "subject_path",
    "touched_contacts",
    "verify_audit",
    "write_masters",
]
