"""A campaign, as a program works with it. The way in to everything: `from hailuo_batch import Campaign`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Self, Unpack

from hailuo_batch.app.config import ApplyOptions
from hailuo_batch.app.mending.resolve import ResolveRequest
from hailuo_batch.app.plan_file import saved_plan
from hailuo_batch.app.workspace import Access, CampaignLocation
from hailuo_batch.core.planning.resolution import ResolveOption
from hailuo_batch.errors import ExitCode, HailuoBatchError, UsageError
from hailuo_batch.interface import events
from hailuo_batch.interface.listening import Emit, Listener
from hailuo_batch.interface.making import (
    image_notes,
    make_counts,
    make_plan_value,
    make_spending,
    make_takes,
    make_validation,
)
from hailuo_batch.interface.options import ApplySettings, Names, PlanSettings, apply_options, plan_options
from hailuo_batch.interface.shots import keep_manifest, listed, manifest_place, render_manifest, without_blanks
from hailuo_batch.interface.stream import EventStream
from hailuo_batch.interface.values import (
    Abandon,
    ApplyResult,
    Decision,
    NameRun,
    Plan,
    Resubmit,
    Retried,
    Status,
    Validation,
)
from hailuo_batch.interface.wording import in_python, reworded
from hailuo_batch.interface.work import CampaignWork, look_at_manifest
from hailuo_batch.manifest.diagnostics import warning_severity
from hailuo_batch.report.files import Format
from hailuo_batch.report.model import Report

Folder = str | PathLike[str]
Consent = bool | Plan | None
"""Who has agreed to pay: nobody (None, False), the caller to whatever the plan is (True), or to exactly this plan."""


class Campaign:
    """One campaign: its shots, its ledger, its files.

    Make one with `Campaign.load` or `Campaign.from_shots`. Nothing is read or written before a method is called, each
    call stands for itself, and a campaign may be used from several threads. Nothing is printed, no signal is handled.
    Every error is a HailuoBatchError.
    """

    def __init__(self, where: CampaignLocation, name: str) -> None:
        self._where = where
        self._name = name

    @classmethod
    def load(
        cls,
        path: Folder,
        *,
        sandbox: bool = False,
        workspace: Folder | None = None,
        state_dir: Folder | None = None,
        output_dir: Folder | None = None,
        api_key: str | None = None,
        api_keys: Sequence[str] | None = None,
        base_url: str | None = None,
    ) -> Self:
        """The campaign of a manifest. The key and the address are those of the environment, unless given here.

        `workspace` is where the folders `state` and `outputs` are, by default where the command line has them.
        `sandbox` makes everything a practice run: no key, no cost, separate files.
        """
        access = _access(api_key, api_keys, base_url)
        folders = _folders(workspace, state_dir, output_dir)
        return cls(CampaignLocation(Path(path), sandbox, *folders, access=access), str(path))

    @classmethod
    def from_shots(  # noqa: PLR0913 - one for each key of a manifest
        cls,
        name: str,
        shots: Iterable[Mapping[str, Any]],
        *,
        workspace: Folder,
        prompt: str | None = None,
        id: str | None = None,  # noqa: A002 - as the manifest calls it
        image_urls: Sequence[str] | None = None,
        takes: int | str | None = None,
        tags: Sequence[str] | None = None,
        model: str | None = None,
        input: Mapping[str, Any] | None = None,  # noqa: A002 - as the manifest calls it
        limits: Mapping[str, Any] | None = None,
        images: Mapping[str, Any] | None = None,
        variables: Mapping[str, Any] | None = None,
        matrix: Mapping[str, Any] | None = None,
        description: str | None = None,
        accept: Sequence[str] | None = None,
        sandbox: bool = False,
        state_dir: Folder | None = None,
        output_dir: Folder | None = None,
        api_key: str | None = None,
        api_keys: Sequence[str] | None = None,
        base_url: str | None = None,
    ) -> Self:
        """The campaign of these shots, without a manifest.

        Without `prompt`, each of `shots` is a shot with the manifest's own keys (`id`, `prompt`, `image_urls`, `takes`,
        `tags`, `input` ...), and `image_urls`, `takes`, `tags`, `model` and `input` are for those that lack them. With
        `prompt`, each is a row of variables for the texts: `prompt="A ${colour} shoe"`, with an `id` such as
        `"shoe-${sku}"`. None and a data frame's gaps count as absent.

        Raises ManifestError for a value that cannot be one of a manifest's; everything else is found by `validate`.
        """
        entries = listed(shots)
        document: dict[str, Any] = {"version": 1, "campaign": name, "description": description, "vars": variables}
        document |= {"limits": limits, "images": images, "accept": accept}
        defaults = {"image_urls": image_urls, "takes": takes, "tags": tags, "model": model, "input": input}
        document["defaults"] = without_blanks(defaults) or None
        if prompt is None:
            if id is not None or matrix is not None:
                raise UsageError("id and matrix go with a prompt for every row. Nothing was sent.")
            document["shots"] = [without_blanks(entry) for entry in entries]
        else:
            shot = {"id": f"{name}-${{row}}" if id is None else id, "prompt": prompt, "matrix": matrix}
            document["shots"] = [without_blanks(shot) | {"rows": entries}]
        place = manifest_place(Path(workspace).absolute(), name)
        folders = _folders(None, state_dir, output_dir)
        access = _access(api_key, api_keys, base_url)
        text = render_manifest(document, name)
        return cls(CampaignLocation(place, sandbox, *folders, text=text, access=access), name)

    def __repr__(self) -> str:
        return f"<Campaign {self._name}{' (sandbox)' if self._where.sandbox else ''}>"

    def validate(self, *, strict: bool = False) -> Validation:
        """Check the shots, without network or ledger. Raises nothing for what is wrong with them."""
        return make_validation(look_at_manifest(self._where, warning_severity(strict=strict)))

    def plan(self, **settings: Unpack[PlanSettings]) -> Plan:
        """What an apply would do and roughly cost. Sends and writes nothing. The settings are those of PlanSettings."""
        with self._in_python():
            listener = Listener(self._where)
            planned = CampaignWork(self._where, listener).plan(plan_options(settings))
            document = planned.document()
            notes = (*listener.notes, *image_notes(document))
            return make_plan_value(planned.proposal, planned.settings, document, notes)

    def apply(
        self,
        consent: Consent = None,
        on_event: Callable[[events.Event], object] | None = None,
        **settings: Unpack[ApplySettings],
    ) -> ApplyResult:
        """Request what is missing, follow it, download it, and write the report. The settings are those of
        ApplySettings.

        What would pay needs `consent`: True agrees to what the plan is by then, a Plan to exactly that one, which may
        be applied again after an interruption. Without it, ConsentMissingError is raised and nothing was sent; what
        pays nothing needs none, nor does a practice run.

        `on_event` is called in this thread. If it raises, or KeyboardInterrupt comes, the apply stops in good order,
        with everything recorded, and then the exception goes on. Raises what keeps an apply from beginning; how it
        ended is in the result.
        """
        with self.stream(consent, **settings) as stream:
            for event in stream:
                if on_event is not None:
                    on_event(event)
        return stream.result

    def stream(self, consent: Consent = None, **settings: Unpack[ApplySettings]) -> EventStream:
        """As `apply`, event by event: `for event in campaign.stream(...)`, or `async for` beside an event loop."""
        options = self._options(consent, settings)

        def work(listener: Listener) -> ApplyResult:
            with self._in_python():
                return _apply(self._where, options, listener)

        def listen(emit: Emit) -> Listener:
            return Listener(self._where, emit)

        return EventStream(work, listen)

    def status(self, only: Names = ()) -> Status:
        """Where the campaign stands, also while an apply runs. Sends and writes nothing."""
        with self._in_python():
            listener = Listener(self._where)
            look = CampaignWork(self._where, listener).status((only,) if isinstance(only, str) else tuple(only))
            reading = look.reading
            reading.view.tell_receipts_ahead(listener)
            report, holder = reading.report, reading.view.holder
            return Status(
                report.campaign,
                make_takes(report, look.context.paths.outputs),
                make_counts(report),
                make_spending(report.spend),
                reading.new,
                "" if holder is None else str(holder),
                tuple(listener.notes),
                in_python(look.problem, self._where),
            )

    def report(self, formats: Names = (), *, sidecars: bool = True) -> Mapping[str, Path]:
        """Write the report from the ledger: all of it, or these of `html`, `json`, `md`, `csv` and `junit`.

        Returns the files by those names. Raises UsageError if nothing was ever applied.
        """
        names = (formats,) if isinstance(formats, str) else tuple(formats)
        try:
            wanted = tuple(map(Format, names))
        except ValueError as error:
            raise UsageError(f"formats: {error}. Nothing was written.") from None
        with self._in_python():
            keep_manifest(self._where)
            _, written = CampaignWork(self._where, Listener(self._where)).report(wanted, no_sidecar=not sidecars)
            return {str(name): path for name, path in written.items()}

    def resolve(self, *takes: str, by: Decision) -> str:
        """Decide about takes that are in doubt, lost or stuck: those of these IDs or patterns, without any all of them.

        `by` is NameRun, Resubmit or Abandon. Returns what was done, in words. Raises ConsentMissingError for a Resubmit
        that nobody has agreed to, and UsageError where the decision does not fit.
        """
        request = _resolve_request(takes, by)
        with self._in_python():
            message = CampaignWork(self._where, Listener(self._where)).resolve(request)
            return in_python(message or "", self._where)

    def retry(self, *takes: str) -> Retried:
        """Allow one more attempt for failed or rejected takes, of these IDs or patterns, without any for all of them.

        The next apply makes it. Sends nothing.
        """
        with self._in_python():
            result = CampaignWork(self._where, Listener(self._where)).retry(takes)
            return Retried(result.granted, result.refused_content)

    def _options(self, consent: Consent, settings: ApplySettings) -> ApplyOptions:
        with self._in_python():
            options = apply_options(settings)
            if isinstance(consent, Plan):
                if not consent.document:
                    raise UsageError("This plan came with an event: only a plan of campaign.plan() can be applied.")
                return replace(options, yes=True, plan=saved_plan(consent.document))
            if consent not in {None, True, False}:
                raise UsageError("consent is True, or a plan of campaign.plan(). Nothing was sent.")
            return replace(options, yes=consent is True)

    @contextmanager
    def _in_python(self) -> Iterator[None]:
        """Errors are told in the words of whoever calls from Python."""
        try:
            yield
        except HailuoBatchError as error:
            raise reworded(error, self._where) from error.__cause__


def _apply(where: CampaignLocation, options: ApplyOptions, listener: Listener) -> ApplyResult:
    """Apply in this thread, and tell how it ended."""
    code = CampaignWork(where, listener).apply(options)
    ending = listener.ending
    reasons = ending.stop_reasons if ending is not None else (() if listener.refusal is None else (listener.refusal,))
    stopped = []
    for reason in reasons:
        text = in_python(reason.text, where) or "Stopped, as was asked for."
        stopped.append(text)
        listener.emit(events.Stopped(text, reason.exit_code))
    report = listener.report if ending is None else ending.report
    assert report is not None
    unfinished = tuple(take.id for take in (report.takes if ending is None else ending.unfinished))
    page = None if ending is None or ending.page is None else ending.page
    return _result(report, listener, code, unfinished, tuple(stopped), page)


def _result(
    report: Report,
    listener: Listener,
    code: ExitCode,
    unfinished: tuple[str, ...],
    stopped: tuple[str, ...],
    page: Path | None,
) -> ApplyResult:
    return ApplyResult(
        report.campaign,
        code,
        make_takes(report, listener.outputs),
        make_counts(report),
        make_spending(report.spend),
        0 if listener.ending is None else listener.ending.creates,
        unfinished,
        stopped,
        tuple(listener.notes),
        page,
    )


def _resolve_request(takes: tuple[str, ...], by: Decision) -> ResolveRequest:
    """The decision as the use case takes it. Raises UsageError for what is none, or goes with a single take."""
    match by:
        case NameRun():
            request = ResolveRequest(takes, ResolveOption.NAME, by.run_id, by.attempt)
        case Resubmit():
            request = ResolveRequest(takes, ResolveOption.RESUBMIT, attempt=by.attempt, yes=by.consent is True)
        case Abandon():
            request = ResolveRequest(takes, ResolveOption.ABANDON, attempt=by.attempt)
        case _:
            raise UsageError("by is NameRun, Resubmit or Abandon. Nothing was changed.")
    if (request.run_id or request.attempt is not None) and len(takes) != 1:
        raise UsageError("A run ID or an attempt goes with one take. Nothing was sent.")
    return request


def _access(api_key: str | None, api_keys: Sequence[str] | None, base_url: str | None) -> Access:
    if api_key is not None and api_keys is not None:
        raise UsageError("Give either api_key or api_keys. Nothing was sent.")
    if isinstance(api_keys, str):
        raise UsageError("api_keys is a list of keys; for one key there is api_key. Nothing was sent.")
    keys = tuple(api_keys) if api_keys is not None else None if api_key is None else (api_key,)
    return Access(base_url, keys)


def _folders(
    workspace: Folder | None, state_dir: Folder | None, output_dir: Folder | None
) -> tuple[Path | None, Path | None]:
    """The folders of state and outputs, None for what lies in the manifest's workspace."""
    state = None if state_dir is None else Path(state_dir)
    outputs = None if output_dir is None else Path(output_dir)
    if workspace is None:
        return state, outputs
    return state or Path(workspace) / "state", outputs or Path(workspace) / "outputs"
