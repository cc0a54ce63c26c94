"""The command line against a real server: what it prints, and the exit code that a script sees."""

import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from tests.gateway.cli.conftest import Served

AT = "2027-01-15T08:00:00Z"
Run = Callable[..., Result]


@pytest.fixture
def run(served: Served, monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_as(who: str, *arguments: str) -> Result:
        assert served.office is not None
        monkeypatch.setenv("SLUIS_ADMIN_KEY", served.office.keys[who])
        return CliRunner().invoke(app, list(arguments))

    return run_as


def test_a_key_is_made_listed_and_revoked(run: Run) -> None:
    made = run("ict", "key", "create", "--subject", "an@example.org", "--unit", "Groen", "--name", "laptop")
    assert made.exit_code == 0
    assert made.stdout.strip().startswith("sluis_")  # the key alone, so that a script can take it
    assert "shown this once" in made.stderr
    key_id = made.stdout[6:16]

    listed = json.loads(run("dpo", "key", "list", "--subject", "An@example.org", "--json").stdout)["keys"]
    assert [key["id"] for key in listed] == [key_id]
    assert key_id in run("ict", "key", "list", "--unit", "Groen", "--role", "staff").stdout
    revoked = run("ict", "key", "revoke", key_id)
    assert (revoked.exit_code, "was revoked" in revoked.stdout) == (0, True)
    assert json.loads(run("ict", "key", "list", "--state", "revoked", "--json").stdout)["keys"][0]["id"] == key_id
    assert "No keys." in run("ict", "key", "list", "--unit", "Niemand").stdout


def test_a_service_key_with_its_networks(run: Run) -> None:
    made = run(
        "ict", "key", "create", "--subject", "webui", "--unit", "ICT", "--role", "service", "--expires", "never",
        "--vouch-header", "X-OpenWebUI-User-Email", "--vouch-network", "10.0.0.0/24", "--vouch-network", "10.1.0.7",
        "--vouch-optional", "--json",
    )  # fmt: skip
    key = json.loads(made.stdout)["key"]
    assert key["vouch"]["networks"] == ["10.0.0.0/24", "10.1.0.7/32"]
    assert (key["vouch"]["required"], key["expires_at"]) == (False, None)


def test_an_import_writes_the_keys_to_a_file_of_ones_own(run: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "staff.csv", tmp_path / "keys.csv"
    source.write_text("name,subject,unit,language,role,expires\n,a@example.org,A,nl,,\n,b@example.org,B,fr,,\n")
    result = run("ict", "key", "import", str(source), "--out", str(out))
    assert result.exit_code == 0, result.stderr
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    lines = out.read_text().splitlines()
    assert lines[0] == "id,name,subject,unit,key"
    assert [line.split(",")[2] for line in lines[1:]] == ["a@example.org", "b@example.org"]
    assert "sluis_" not in result.stdout

    again = run("ict", "key", "import", str(source), "--out", str(out))
    assert (again.exit_code, "nothing was created" in again.stderr) == (1, True)


def test_a_wrong_row_is_told_with_its_line_and_leaves_no_file(run: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "staff.csv", tmp_path / "keys.csv"
    source.write_text("name,subject,unit,language,role,expires\n,a@example.org,A,nl,,\n,geen adres,B,xx,,\n")
    result = run("ict", "key", "import", str(source), "--out", str(out))
    assert result.exit_code == 1
    assert "line 3, subject:" in result.stderr
    assert "line 3, language:" in result.stderr
    assert not out.exists()
    assert json.loads(run("ict", "key", "list", "--unit", "A", "--json").stdout)["keys"] == []


def test_suspend_and_lift(run: Run) -> None:
    assert run("ict", "suspend", "mistral", "--why", "rare tekst").exit_code == 0
    assert "rare tekst" in run("ict", "suspensions").stdout
    refused = run("ict", "lift", "mistral", "--why", "mag weer")
    assert (refused.exit_code, "rol dpo" in refused.stderr) == (3, True)
    assert run("dpo", "lift", "mistral", "--why", "beoordeeld").exit_code == 0
    assert "No tool is suspended." in run("dpo", "suspensions").stdout
    unknown = run("dpo", "suspend", "mistrall", "--why", "x")
    assert unknown.exit_code == 1
    told = json.loads(run("dpo", "acts", "--object", "mistral", "--json").stdout)["acts"]
    assert [act["act"] for act in told] == ["suspension.lift", "suspension.start"]
    assert "suspension.lift" in run("dpo", "acts", "--limit", "5").stdout


def test_who_one_is_and_who_stands_behind_an_actor(run: Run) -> None:
    assert "role staff" in run("lies", "whoami").stdout
    assert json.loads(run("lies", "whoami", "--json").stdout)["subject"] == "lies@example.org"
    assert "lies@example.org" in run("dpo", "actor", "act_0001", "--at", AT, "--why", "klacht").stdout
    assert run("dpo", "actor", "act_9999", "--at", AT, "--why", "klacht").exit_code == 1
    tried = run("dpo", "actor", "act_0002", "--at", AT, "--why", "klacht", "--person", "vouched@example.org")
    assert "vouched@example.org" in tried.stdout
    assert run("dpo", "acts", "--act", "actor.resolve", "--before", "1").stdout == "No acts.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("suspend", "mistral", "--why", "x"),
        ("suspensions",),
        ("lift", "mistral", "--why", "x"),
        ("actor", "act_0001", "--at", AT, "--why", "x"),
        ("acts",),
    ],
)
def test_json_is_what_the_gateway_answered_and_nothing_else(run: Run, arguments: tuple[str, ...]) -> None:
    if arguments[0] == "lift":
        run("ict", "suspend", "mistral", "--why", "x")
    result = run("dpo", *arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert isinstance(json.loads(result.stdout), dict)


def test_an_import_and_a_revocation_as_json(run: Run, tmp_path: Path) -> None:
    source, out = tmp_path / "staff.csv", tmp_path / "keys.csv"
    source.write_text("name,subject,unit,language,role,expires\n,a@example.org,A,nl,,\n")
    made = json.loads(run("ict", "key", "import", str(source), "--out", str(out), "--json").stdout)
    assert "sluis_" not in str(made)  # the keys are in the file alone
    gone = json.loads(run("ict", "key", "revoke", made["keys"][0]["id"], "--json").stdout)
    assert gone["state"] == "revoked"


def test_wrong_usage_is_two(run: Run) -> None:
    assert run("ict", "suspend", "mistral").exit_code == 2
    assert run("ict", "key", "create", "--subject", "x").exit_code == 2


def test_a_whole_key_in_place_of_an_id_reaches_no_url(run: Run, served: Served) -> None:
    assert served.office is not None
    result = run("ict", "key", "revoke", served.office.keys["lies"])
    assert (result.exit_code, "ten letters" in result.stderr) == (1, True)


@pytest.mark.parametrize("key", ["", "sluis_0000000000_" + "0" * 32, "sleutel…"])
def test_without_a_key_that_counts_it_is_three(served: Served, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("SLUIS_ADMIN_KEY", key)
    result = CliRunner().invoke(app, ["whoami"])
    assert result.exit_code == 3
    assert result.stderr.startswith("Error:")


def test_the_key_can_lie_in_a_file(served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert served.office is not None
    monkeypatch.delenv("SLUIS_ADMIN_KEY", raising=False)
    monkeypatch.setenv("SLUIS_ADMIN_KEY_FILE", str(tmp_path / "key"))
    assert CliRunner().invoke(app, ["whoami"]).exit_code == 3
    (tmp_path / "key").write_text(served.office.keys["ict"] + "\n")
    assert CliRunner().invoke(app, ["whoami"]).exit_code == 0


def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "does not answer"),
        ("http://[", "not an address"),
        ("sluis.example.org", "not an address"),
        ("http://a:b@x", "not an address"),
    ],
)
def test_a_gateway_that_is_away_is_four(monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("SLUIS_URL", url or closed_port())
    monkeypatch.setenv("SLUIS_ADMIN_KEY", "sluis_0000000000_" + "0" * 32)
    result = CliRunner().invoke(app, ["key", "list"])
    assert (result.exit_code, said in result.stderr) == (4, True), result.stderr
    assert "sluis_0000" not in result.output


def test_something_else_on_that_port_is_four(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            peer, _ = listening.accept()
            peer.recv(65_536)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
            peer.close()

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setenv("SLUIS_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
        monkeypatch.setenv("SLUIS_ADMIN_KEY", "sluis_0000000000_" + "0" * 32)
        result = CliRunner().invoke(app, ["whoami"])
        thread.join()
    assert (result.exit_code, "is not the gateway" in result.stderr) == (4, True)


def test_a_proxy_of_the_environment_never_sees_the_key(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, closed_port())
    assert run("ict", "whoami").exit_code == 0


def test_as_a_process_of_its_own(served: Served) -> None:
    assert served.office is not None
    environment = os.environ | {"SLUIS_URL": served.url, "SLUIS_ADMIN_KEY": served.office.keys["dpo"]}
    command = [sys.executable, "-c", "from gateway.cli import main; main()", "whoami", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["role"] == "dpo"
