"""The command `fieldguide gate`, and judging a registered version."""

from fieldguide.base.config import Config
from fieldguide.base.errors import UserError, printable
from fieldguide.base.files import read_json
from fieldguide.base.json_output import as_json
from fieldguide.base.paths import Paths
from fieldguide.base.shares import decimal
from fieldguide.base.stage_names import Stage
from fieldguide.base.terminal import table
from fieldguide.configuration.compose import compose
from fieldguide.release.gate.decision import Decision, candidate_of_checkout, run_gate, summary, write_decision
from fieldguide.release.gate.rules import Outcome
from fieldguide.release.registry import Registry
from fieldguide.release.versions import CHALLENGER, CHAMPION, Candidate, Version
from fieldguide.statistics.noninferiority import Verdict

CHECKOUT_MODEL = "."


def gate_command(paths: Paths, which: str | None, as_document: bool = False) -> tuple[str, bool]:
    """Judge the challenger, a version by its number, or the checkout (`.`); the verdict is kept with a version.

    Returns what to print, as JSON if `as_document`, and whether the model may take over. Raises UserError if there is
    no such model.
    """
    cfg, registry = compose(paths), Registry(paths)
    if which == CHECKOUT_MODEL:
        champion = registry.at(CHAMPION)
        rates = alarm_rate_of_checkout(paths), _alarm_rate(registry, champion)
        decision = run_gate(cfg, paths, candidate_of_checkout(paths), _candidate(registry, champion), rates)
    else:
        decision = judge(cfg, paths, registry, _version(registry, which))
    write_decision(decision, paths.report("gate"))
    if as_document:
        return as_json({**summary(decision), "rules": [vars(rule) for rule in decision.rules]}), decision.accepted
    return decision_in_words(decision), decision.accepted


def judge(cfg: Config, paths: Paths, registry: Registry, version: Version) -> Decision:
    """Judge a registered version against the champion (the baselines, if there is none) and keep the verdict with it.

    Raises UserError as `run_gate` does, or if the version is the champion.
    """
    champion = registry.at(CHAMPION)
    if champion and champion.number == version.number:
        raise UserError(f"version {version.number} is the champion: there is nothing to judge it against")
    rates = _alarm_rate(registry, version), _alarm_rate(registry, champion)
    decision = run_gate(cfg, paths, registry.candidate(version), _candidate(registry, champion), rates)
    registry.record_gate(version, {**summary(decision), "against": champion.number if champion else None})
    return decision


def alarm_rate_of_checkout(paths: Paths) -> float | None:
    """The share of the test pictures that the checkout's screen finds out of its domain; None without one."""
    file = paths.metrics(Stage.SCREEN)
    return float(read_json(file)["test_alarm_rate"]) if file.is_file() else None


def _alarm_rate(registry: Registry, version: Version | None) -> float | None:
    return registry.alarm_rate(version) if version else None


def decision_in_words(decision: Decision) -> str:
    """A decision in lines of text: every rule with its figures, then the verdict."""
    rows = [
        [rule.rule, rule.on, rule.outcome, *map(_figure, (rule.challenger, rule.other, rule.bound)), rule.detail]
        for rule in decision.rules
    ]
    rules = table(rows, ["rule", "on", "", "challenger", "champion", "bound", "figures"], right=(3, 4, 5))
    left_out = [
        f"left out of {name}: {count} pictures that a model was trained on, or look-alikes of such"
        for name, count in decision.left_out.items()
        if count
    ]
    counted = [f"{name}: {witnesses}" for name, witnesses in decision.witnesses.items()]
    return "\n".join([rules, "", *counted, *left_out, _verdict(decision)])


def _verdict(decision: Decision) -> str:
    against = decision.against or "the baselines"
    failed = [f"{rule.rule} on {printable(rule.on)}" for rule in decision.rules if rule.outcome == Outcome.FAILED]
    words = f"{decision.challenger} against {against}: {decision.verdict}"
    if decision.verdict == Verdict.WORSE:
        words += f" ({', '.join(failed)})"
    if decision.needed is not None:
        words += f" (about {decision.needed} test pictures would be enough, if both are equally good)"
    return f"{words}; it {'may' if decision.accepted else 'may not'} take over"


def _figure(value: float | None) -> str:
    return "" if value is None else decimal(value)


def _candidate(registry: Registry, version: Version | None) -> Candidate | None:
    return registry.candidate(version) if version else None


def _version(registry: Registry, which: str | None) -> Version:
    if which is not None:
        return registry.version(int(which))
    challenger = registry.at(CHALLENGER)
    if not challenger:
        raise UserError("there is no challenger: run `fieldguide rollout register RUN`, or `fieldguide gate .`")
    return challenger
