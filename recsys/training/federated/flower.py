"""The one door to Flower.

Flower would tell its makers of every start: that is switched off before it is imported, and importing it reaches for no
network. Its logger writes to the terminal by itself, which is left to our own progress. One of its libraries warns
about another one's names while it is imported; that concerns neither of us.
"""

from __future__ import annotations

import logging
import os
import warnings

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["FLWR_TELEMETRY_LOGGING"] = "0"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import grpc
    from flwr.app import Context, Message, RecordDict
    from flwr.app.message_type import MessageType
    from flwr.client import ClientApp, NumPyClient
    from flwr.client.grpc_rere_client.connection import grpc_request_response
    from flwr.client.mod import secaggplus_mod
    from flwr.common import (
        GRPC_MAX_MESSAGE_LENGTH,
        ConfigRecord,
        EvaluateIns,
        ndarrays_to_parameters,
        parameters_to_ndarrays,
        recorddict_compat,
    )
    from flwr.common.constant import NOOP_ACCOUNT_NAME, NOOP_FLWR_AID, SUPERLINK_NODE_ID, Status, SubStatus
    from flwr.common.grpc import generic_create_grpc_server
    from flwr.common.message import remove_content_from_message
    from flwr.common.retry_invoker import RetryInvoker, constant
    from flwr.common.typing import RunStatus
    from flwr.proto.fleet_pb2_grpc import add_FleetServicer_to_server
    from flwr.server import LegacyContext, SimpleClientManager
    from flwr.server.compat.grid_client_proxy import GridClientProxy
    from flwr.server.grid import Grid
    from flwr.server.strategy import FedAvg
    from flwr.server.superlink.fleet.grpc_rere.fleet_servicer import FleetServicer
    from flwr.server.superlink.fleet.grpc_rere.node_auth_server_interceptor import NodeAuthServerInterceptor
    from flwr.server.superlink.linkstate import LinkStateFactory
    from flwr.server.workflow import SecAggPlusWorkflow
    from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD
    from flwr.server.workflow.constant import Key as WorkflowKey
    from flwr.server.workflow.default_workflows import default_fit_workflow
    from flwr.supercore.constant import FLWR_IN_MEMORY_DB_NAME, NOOP_FEDERATION
    from flwr.supercore.ffs import FfsFactory
    from flwr.supercore.inflatable.inflatable_object import (
        get_all_nested_objects,
        get_object_tree,
        iterate_object_tree,
        no_object_id_recompute,
    )
    from flwr.supercore.inflatable.inflatable_utils import (
        ObjectUnavailableError,
        inflate_object_from_contents,
        pull_objects,
        push_object_contents_from_iterable,
    )
    from flwr.supercore.object_store import ObjectStoreFactory
    from flwr.superlink.federation import NoOpFederationManager

logging.getLogger("flwr").setLevel(logging.CRITICAL)

__all__ = [
    "FLWR_IN_MEMORY_DB_NAME",
    "GRPC_MAX_MESSAGE_LENGTH",
    "MAIN_CONFIGS_RECORD",
    "MAIN_PARAMS_RECORD",
    "NOOP_ACCOUNT_NAME",
    "NOOP_FEDERATION",
    "NOOP_FLWR_AID",
    "SUPERLINK_NODE_ID",
    "ClientApp",
    "ConfigRecord",
    "Context",
    "EvaluateIns",
    "FedAvg",
    "FfsFactory",
    "FleetServicer",
    "Grid",
    "GridClientProxy",
    "LegacyContext",
    "LinkStateFactory",
    "Message",
    "MessageType",
    "NoOpFederationManager",
    "NodeAuthServerInterceptor",
    "NumPyClient",
    "ObjectStoreFactory",
    "ObjectUnavailableError",
    "RecordDict",
    "RetryInvoker",
    "RunStatus",
    "SecAggPlusWorkflow",
    "SimpleClientManager",
    "Status",
    "SubStatus",
    "WorkflowKey",
    "add_FleetServicer_to_server",
    "constant",
    "default_fit_workflow",
    "generic_create_grpc_server",
    "get_all_nested_objects",
    "get_object_tree",
    "grpc",
    "grpc_request_response",
    "inflate_object_from_contents",
    "iterate_object_tree",
    "ndarrays_to_parameters",
    "no_object_id_recompute",
    "parameters_to_ndarrays",
    "pull_objects",
    "push_object_contents_from_iterable",
    "recorddict_compat",
    "remove_content_from_message",
    "secaggplus_mod",
]
