"""Alert rules and dashboard: right for promtool, and only about metrics and labels that the gateway has."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.docs import inventory
from tests.support.gateway import both_tools, gateway

DEPLOY = Path(__file__).parents[2] / "deploy"
FOLDER = DEPLOY / "prometheus"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "sluis.json").read_text(encoding="utf-8"))
FAMILIES = {series: family for family in inventory.metrics() for series in family.series}
STAND_IN = "tests.support.engine:Engine"  # no language models to load: metrics are asked for, not findings
PROMETHEUS_OWN = {"up"}
needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def promtool(*arguments: str) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False, cwd=FOLDER)
    assert done.returncode == 0, done.stdout + done.stderr


def rules(path: Path = FOLDER / "alerts.yml") -> list[dict[str, Any]]:
    groups = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str, str]]:
    """(where, PromQL, legend) of every alert and every target on the dashboard."""
    for rule in rules():
        yield rule["alert"], rule["expr"], " ".join(rule["annotations"].values())
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


QUERIES = list(queries())


@needs_promtool
def test_the_rules_are_right_and_fire_when_they_should() -> None:
    promtool("check", "rules", "alerts.yml")
    promtool("check", "config", "prometheus.yml")
    promtool("test", "rules", "alerts_test.yml")


def test_every_alert_is_tested_to_fire_and_to_keep_quiet() -> None:
    wanted = {rule["alert"] for rule in rules()}
    tests = yaml.safe_load((FOLDER / "alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case.get("exp_alerts")} == wanted
    assert {case["alertname"] for case in cases if not case.get("exp_alerts")} == wanted


@needs_promtool
def test_every_query_of_the_dashboard_is_promql(tmp_path: Path) -> None:
    """Grafana's variables stand for a duration and a pattern; what remains must parse."""
    exprs = [expr for _, expr, _ in QUERIES]
    for name, value in (("$__rate_interval", "1m"), ("$__range", "1h"), ("$tool", ".*")):
        exprs = [expr.replace(name, value) for expr in exprs]
    assert not [expr for expr in exprs if "$" in expr]
    file = tmp_path / "rules.yml"
    recorded = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(exprs)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}), encoding="utf-8")
    promtool("check", "rules", str(file))


@pytest.mark.parametrize(("where", "expr", "legend"), QUERIES, ids=[where for where, _, _ in QUERIES])
def test_only_metrics_and_labels_that_exist_are_asked_for(where: str, expr: str, legend: str) -> None:
    names = set(re.findall(r"\b(?:sluis|gen_ai)_[a-z0-9_]+|\bup\b", re.sub(r"\{[^}]*\}|\bby \([^)]*\)", "", expr)))
    assert names, f"{where} asks for nothing"
    assert names <= FAMILIES.keys() | PROMETHEUS_OWN
    known = {label for name in names & FAMILIES.keys() for label in FAMILIES[name].labels} | {"le", "job"}
    assert _labels_in(expr) | set(re.findall(r"\{\{\s*(?:\$labels\.)?([a-z_]+)\s*\}\}", legend)) <= known


def _labels_in(expr: str) -> set[str]:
    """Labels in selectors and in `by (…)`."""
    inside = re.findall(r"\{([^}]*)\}", expr)
    grouped = re.findall(r"\bby \(([^)]*)\)", expr)
    matched = {label for text in inside for label in re.findall(r"([a-z_]+)\s*[=!]", text)}
    return matched | {label.strip() for text in grouped for label in text.split(",")}


def test_the_dashboard_shows_every_metric() -> None:
    """Or nobody would see what it says."""
    asked = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    hidden = {f.name for f in inventory.metrics() if not any(re.search(rf"\b{s}\b", asked) for s in f.series)}
    assert hidden == set()


def test_panels_do_not_overlap_and_ids_are_unique() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_the_dashboard_uses_the_provisioned_data_source() -> None:
    source = DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yaml"
    [uid] = [found["uid"] for found in yaml.safe_load(source.read_text(encoding="utf-8"))["datasources"]]
    used = {t["datasource"]["uid"] for panel in panels() for t in panel["targets"]}
    assert used | {panel["datasource"]["uid"] for panel in panels()} == {uid}


def test_every_alert_leads_to_a_heading_that_exists() -> None:
    page = (DEPLOY.parent / "docs" / "operations.md").read_text(encoding="utf-8")
    for rule in rules():
        for heading in re.findall(r'See "([^"]+)" in docs/operations\.md', rule["annotations"]["description"]):
            assert re.search(rf"^#+ {re.escape(heading)}$", page, re.MULTILINE), heading


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")
def test_a_real_prometheus_reads_a_real_gateway(tmp_path: Path) -> None:
    """Our configuration with another target and a shorter interval; alerts are loaded and quiet."""
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    with gateway(tmp_path / "g", both_tools("http://127.0.0.1:9/v1"), engine=STAND_IN) as running:
        [job] = config["scrape_configs"]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{running.metrics_port}"]}]
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        with running.client() as client:
            refused = client.post("/v1/chat/completions", json={"model": "unknown", "messages": []})
        assert refused.status_code in (400, 404)
        with prometheus(tmp_path) as ask:
            assert until(lambda: ask("query", query='up{job="sluis"}'))[0]["value"][1] == "1"
            assert until(lambda: ask("query", query="sluis_policy_ok"))[0]["value"][1] == "1"
            assert until(lambda: ask("query", query="sum(sluis_errors_total)"))[0]["value"][1] == "1"
            for _, expr, _ in QUERIES:
                plain = expr.replace("$__rate_interval", "1m").replace("$__range", "1h").replace("$tool", ".*")
                ask("query", query=plain)  # an error is not a success, see ask
            loaded = [rule["name"] for group in ask("rules")["groups"] for rule in group["rules"]]
            assert loaded == [rule["alert"] for rule in rules()]
            firing = [a["labels"]["alertname"] for a in ask("alerts")["alerts"] if a["state"] == "firing"]
            assert firing == []


class prometheus:  # noqa: N801 - reads as a verb
    """A Prometheus on a free port, with the configuration in `folder`. Entered, it gives a function for its API."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._folder = folder
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self._port}/api/v1/", trust_env=False, timeout=20)

    def __enter__(self) -> Any:
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'tsdb'}",
                    "--storage.tsdb.retention.time=200d",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=log,
            )
        return self.ask

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._process.terminate()
        self._process.wait(20)

    def ask(self, path: str, **params: str) -> Any:
        """`data` of an answer (`result` of a query); None while it is not up."""
        try:
            answer = self._client.get(path, params=params)
        except httpx.TransportError:
            return None
        if answer.status_code == 503:
            return None
        assert answer.json()["status"] == "success", answer.text
        return answer.json()["data"].get("result", answer.json()["data"])


def until(ask: Any, seconds: float = 30) -> Any:
    """The first answer that is not empty."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ask():
            return found
        time.sleep(0.2)
    raise AssertionError("no answer in time")
