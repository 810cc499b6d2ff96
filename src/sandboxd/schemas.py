"""Sandboxes and snapshots in the wire's words (ENGINE-CONTRACT 3.1, 3.3)."""

from typing import Any

from sandboxd.box import Box
from sandboxd.engine import Engine
from sandboxd.settings import ORGANIZATION
from sandboxd.store import SnapshotRecord

# Only in a full Sandbox; the TypeScript SDK tells the two apart by `env`.
_FULL_ONLY = ("env", "kvm", "volumes")


def sandbox(engine: Engine, box: Box) -> dict[str, Any]:
    """A full Sandbox."""
    record = box.record
    return {
        "id": record.id,
        "organizationId": ORGANIZATION,
        "name": record.name,
        "snapshot": record.snapshot,
        "user": record.user,
        "env": record.env,
        "labels": record.labels,
        "public": record.public,
        "networkBlockAll": record.block_network,
        "networkAllowList": record.allow_networks,
        "domainAllowList": record.allow_domains,
        "kvm": False,
        "target": record.target,
        "cpu": record.cpu,
        "gpu": 0,
        "memory": record.memory,
        "disk": record.disk,
        "toolboxProxyUrl": engine.settings.toolbox_url,
        "state": record.state.value,
        "desiredState": _desired(record.state.value),
        "errorReason": record.error,
        "recoverable": False,
        "backupState": "None",
        "autoStopInterval": _number(record.auto_stop),
        "autoArchiveInterval": _number(record.auto_archive),
        "autoDeleteInterval": _number(record.auto_delete),
        "autoPauseInterval": _number(record.auto_pause),
        "autoDestroyAt": record.destroy_at,
        "volumes": [],
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
        "lastActivityAt": record.last_activity_at,
        "sandboxClass": "container",
        "daemonVersion": "sandboxd",
        "isolation": engine.runtime.isolation,
    }


def list_item(engine: Engine, box: Box) -> dict[str, Any]:
    """A sandbox as lists show it."""
    full = sandbox(engine, box)
    return {key: value for key, value in full.items() if key not in _FULL_ONLY}


def snapshot(record: SnapshotRecord) -> dict[str, Any]:
    """A SnapshotDto; note `mem`."""
    return {
        "id": record.id,
        "organizationId": ORGANIZATION,
        "general": record.general,
        "name": record.name,
        "imageName": record.name,
        "state": record.state,
        "size": record.size,
        "entrypoint": None,
        "cpu": record.cpu,
        "gpu": 0,
        "mem": record.memory,
        "disk": record.disk,
        "errorReason": None,
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
        "lastUsedAt": record.last_used_at,
        "sourceSandboxId": record.source,
        "sandboxClass": "container",
        "regionIds": [],
    }


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def _desired(state: str) -> str:
    match state:
        case "stopping" | "stopped" | "error":
            return "stopped"
        case "archived":
            return "archived"
        case "destroying" | "destroyed":
            return "destroyed"
        case _:
            return "started"
