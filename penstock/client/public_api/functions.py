"""Functions: The workspace's own JavaScript, as a source, as a destination, or inserted between the two.

Written by `make docs`; edits here are lost.
"""

from typing import Any, Literal, NotRequired, TypedDict

from penstock.client.asking import Ask, quoted
from penstock.client.public_api.shared import Deleted, Pagination


class Setting(TypedDict):
    name: str
    label: str
    description: str
    type: str
    required: bool
    sensitive: bool


class SeedFunction(TypedDict):
    id: str
    resourceType: str
    createdAt: str
    createdBy: str
    code: str
    displayName: NotRequired[str]
    description: NotRequired[str]
    logoUrl: NotRequired[str]
    settings: list[Setting]


class SeedFunctionsAnswer(TypedDict):
    functions: list[SeedFunction]
    pagination: Pagination


class SeedSettingInput(TypedDict):
    name: str
    label: NotRequired[str]
    description: NotRequired[str]
    type: NotRequired[Literal["ARRAY", "BOOLEAN", "STRING", "TEXT_MAP"]]
    required: NotRequired[bool]
    sensitive: NotRequired[bool]


class CreateFunctionSeed(TypedDict):
    code: str
    displayName: NotRequired[str]
    resourceType: Literal["DESTINATION", "INSERT_DESTINATION", "INSERT_SOURCE", "SOURCE"]
    settings: NotRequired[list[SeedSettingInput]]
    description: NotRequired[str]
    logoUrl: NotRequired[str]


class SeedFunctionAnswer(TypedDict):
    function: SeedFunction


class UpdateFunctionSeed(TypedDict):
    code: NotRequired[str]
    displayName: NotRequired[str]
    settings: NotRequired[list[SeedSettingInput]]
    description: NotRequired[str]
    logoUrl: NotRequired[str]


class Deployment(TypedDict):
    status: str


class DeploymentAnswer(TypedDict):
    functionDeployment: Deployment


class Version(TypedDict):
    id: str
    author: str
    code: str
    isDeployed: bool
    createdAt: str
    updatedAt: str
    deployedAt: NotRequired[str]


class VersionsAnswer(TypedDict):
    versions: list[Version]
    pagination: Pagination


class RestoreVersion(TypedDict):
    versionId: str


class VersionAnswer(TypedDict):
    version: Version


class Instance(TypedDict):
    """`classId` is the function's id without its prefix."""

    id: str
    name: str
    integrationId: str
    classId: str
    enabled: bool
    createdAt: str
    updatedAt: str
    settings: dict[str, Any]
    encryptedSettings: dict[str, Any]


class InstancesAnswer(TypedDict):
    instances: list[Instance]
    pagination: Pagination


class CreateInstance(TypedDict):
    functionId: str
    integrationId: str
    name: str
    settings: dict[str, Any]
    enabled: NotRequired[bool]


class InstanceAnswer(TypedDict):
    insertFunctionInstance: Instance


class UpdateInstance(TypedDict):
    settings: dict[str, Any]
    name: NotRequired[str]
    enabled: NotRequired[bool]


class Sample(TypedDict):
    """The request to a source function."""

    url: NotRequired[str]
    headers: NotRequired[dict[str, str]]
    body: NotRequired[str]


class PreviewFunction(TypedDict):
    """One of `event`, `events` (for `onBatch`) and `request`. `code` takes the place of the newest version's."""

    code: NotRequired[str]
    event: NotRequired[dict[str, Any] | None]
    events: NotRequired[list[dict[str, Any]] | None]
    request: NotRequired[Sample | None]
    settings: NotRequired[dict[str, Any]]


class PreviewError(TypedDict):
    code: str
    message: str
    stack: str


class PreviewRequest(TypedDict):
    method: str
    url: str
    status: int
    error: str


class Preview(TypedDict):
    """`outcome` is `done`, `retried`, `refused` or `dropped`."""

    outcome: str
    result: Any
    error: NotRequired[PreviewError | None]
    logs: list[str]
    requests: list[PreviewRequest]
    messages: list[dict[str, Any]]
    durationMs: float


class FunctionsPreviewAnswer(TypedDict):
    preview: Preview


RawBody = dict[str, Any]


class FunctionLogRequest(TypedDict):
    """What was sent and what came back, shortened and without secrets. `status` is 0 where an `error` stands."""

    method: str
    url: str
    status: int
    error: str
    headers: dict[str, str]
    body: str
    responseHeaders: dict[str, str]
    responseBody: str


class FunctionLogLine(TypedDict):
    """`level` is a method of the console, `request` for what a run that failed had asked for, or `throw` for what
    ended it. `skipped` lines before it were lost.
    """

    time: str
    level: str
    text: str
    placeId: str
    skipped: int
    request: NotRequired[FunctionLogRequest | None]


class FunctionLogsAnswer(TypedDict):
    logs: list[FunctionLogLine]


class FunctionsApi:
    """The workspace's own JavaScript, as a source, as a destination, or inserted between the two."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list_functions(
        self,
        *,
        resource_type: Literal["DESTINATION", "INSERT_DESTINATION", "INSERT_SOURCE", "SOURCE"] | None = None,
        count: int | None = None,
        cursor: str | None = None,
    ) -> SeedFunctionsAnswer:
        """The functions of one kind that the token may read, the oldest first."""
        answer: SeedFunctionsAnswer = self._ask(
            "GET",
            "/functions",
            query={"resourceType": resource_type, "pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def create_function(self, body: CreateFunctionSeed) -> SeedFunctionAnswer:
        """Make a function with its first version. Its kind cannot be changed; a workspace has at most 25.

        The code is parsed: an error tells its line and its column. `catalogId`, or the function's own id, is the
        `metadataId` of the sources or destinations that are made of it.
        """
        answer: SeedFunctionAnswer = self._ask("POST", "/functions", body=body)
        return answer

    def get_function(self, function_id: str) -> SeedFunctionAnswer:
        """One function, with the code of its newest version."""
        answer: SeedFunctionAnswer = self._ask("GET", f"/functions/{quoted(function_id)}")
        return answer

    def update_function(self, function_id: str, body: UpdateFunctionSeed | None = None) -> SeedFunctionAnswer:
        """Change what is sent. Other code or settings make a new version, which runs when it is deployed."""
        answer: SeedFunctionAnswer = self._ask("PATCH", f"/functions/{quoted(function_id)}", body=body)
        return answer

    def delete_function(self, function_id: str) -> Deleted:
        """Delete a function with its versions. One that has instances is kept: they are deleted first."""
        answer: Deleted = self._ask("DELETE", f"/functions/{quoted(function_id)}")
        return answer

    def create_function_deployment(self, function_id: str) -> DeploymentAnswer:
        """Let the newest version run in all instances.

        Of an insert function that has no handler for some event types, the header `Warning` tells that their
        events will be dropped.
        """
        answer: DeploymentAnswer = self._ask("POST", f"/functions/{quoted(function_id)}/deploy")
        return answer

    def list_function_versions(
        self, function_id: str, *, count: int | None = None, cursor: str | None = None
    ) -> VersionsAnswer:
        """A function's versions, the newest first."""
        answer: VersionsAnswer = self._ask(
            "GET",
            f"/functions/{quoted(function_id)}/versions",
            query={"pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def restore_function_version(self, function_id: str, body: RestoreVersion) -> VersionAnswer:
        """Make a new version of the code and the settings of an old one. It runs when it is deployed."""
        answer: VersionAnswer = self._ask("POST", f"/functions/{quoted(function_id)}/versions", body=body)
        return answer

    def get_function_version(self, function_id: str, version_id: str) -> VersionAnswer:
        """One version."""
        answer: VersionAnswer = self._ask("GET", f"/functions/{quoted(function_id)}/versions/{quoted(version_id)}")
        return answer

    def list_insert_function_instances(
        self, *, function_id: str, count: int | None = None, cursor: str | None = None
    ) -> InstancesAnswer:
        """Where a function is inserted, the oldest first."""
        answer: InstancesAnswer = self._ask(
            "GET",
            "/insert-function-instances",
            query={"functionId": function_id, "pagination[count]": count, "pagination[cursor]": cursor},
        )
        return answer

    def create_insert_function_instance(self, body: CreateInstance) -> InstanceAnswer:
        """Insert a function before a destination, or after a source. It is disabled unless `enabled` is true.

        A destination or source has at most one. Settings are of the types that the version declares that runs.
        """
        answer: InstanceAnswer = self._ask("POST", "/insert-function-instances", body=body)
        return answer

    def get_insert_function_instance(self, instance_id: str) -> InstanceAnswer:
        """One instance. Sensitive settings are masked."""
        answer: InstanceAnswer = self._ask("GET", f"/insert-function-instances/{quoted(instance_id)}")
        return answer

    def update_insert_function_instance(self, instance_id: str, body: UpdateInstance) -> InstanceAnswer:
        """Change what is sent. Settings are merged by key: null removes one, the mask leaves a sensitive one as it
        is.
        """
        answer: InstanceAnswer = self._ask("PATCH", f"/insert-function-instances/{quoted(instance_id)}", body=body)
        return answer

    def delete_insert_function_instance(self, instance_id: str) -> Deleted:
        """Take a function out again."""
        answer: Deleted = self._ask("DELETE", f"/insert-function-instances/{quoted(instance_id)}")
        return answer

    def preview_function(self, function_id: str, body: PreviewFunction | None = None) -> FunctionsPreviewAnswer:
        """Run a function once, in a process that is thrown away: what it returned, logged, asked for and sent.

        Requests to the outside are really made. Settings are those of this request; what is stored is not used.
        """
        answer: FunctionsPreviewAnswer = self._ask(
            "POST", f"/penstock/functions/{quoted(function_id)}/preview", body=body
        )
        return answer

    def preview_function_webhook(self, function_id: str, body: RawBody) -> FunctionsPreviewAnswer:
        """Run a source function once on this very request, as `previewFunction` does: its `previewWebhookUrl` leads
        here.

        What runs is the newest version, also one that is not deployed. It is given the query, the headers but
        those with credentials, and the body; as its settings the JSON object in the header `Penstock-Settings`.
        What it makes is told and sent nowhere.
        """
        answer: FunctionsPreviewAnswer = self._ask(
            "POST", f"/penstock/functions/{quoted(function_id)}/webhook", body=body
        )
        return answer

    def list_function_logs(self, function_id: str, *, count: str | None = None) -> FunctionLogsAnswer:
        """What a function printed in delivery, the newest 200 lines of seven days, the oldest first.

        Of runs that failed there is also what they asked of the outside, and what ended them. `placeId` is the
        destination or the instance that it ran for.
        """
        answer: FunctionLogsAnswer = self._ask(
            "GET", f"/penstock/functions/{quoted(function_id)}/logs", query={"count": count}
        )
        return answer
