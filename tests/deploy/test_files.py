"""The image, the compose file, the systemd unit and the proxies: what can be checked without their engines."""

import asyncio
import contextlib
import re
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from pydantic_settings import SettingsConfigDict

from gateway.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")
UNIT = (DEPLOY / "sluis.service").read_text(encoding="utf-8")
OURS = ("gateway", "migrate")
SETTINGS = {f"SLUIS_{name.upper()}" for name in Settings.model_fields}


class Plain(Settings):
    """Settings from arguments only: nothing of the machine that the test runs on."""

    model_config = SettingsConfigDict(env_prefix="NOTHING_SETS_THIS_", extra="forbid", frozen=True)


def settings(environment: dict[str, str]) -> Settings:
    """The settings that a set of variables stands for. An unknown name is an error here."""
    given: dict[str, Any] = {name.removeprefix("SLUIS_").lower(): value for name, value in environment.items() if value}
    return Plain(**given)


def filled(value: str) -> str:
    """`${NAME:-default}` as compose fills it in when nothing is set."""
    return re.sub(r"\$\{\w+(?::-([^}]*))?\}", lambda found: found[1] or "", value)


# ---- compose


def test_compose_gives_the_gateway_settings_that_exist_and_work() -> None:
    for name in OURS:
        environment = {k: filled(str(v)) for k, v in SERVICES[name]["environment"].items()}
        assert environment.keys() <= SETTINGS
        made = settings(environment)
        assert not made.is_sqlite
        assert made.workers > 1
        assert made.database_password_file is not None


def test_compose_refers_only_to_what_it_defines() -> None:
    for service in SERVICES.values():
        assert set(service["networks"]) <= COMPOSE["networks"].keys()
        assert set(service.get("secrets", ())) <= COMPOSE["secrets"].keys()
        assert set(service.get("depends_on", ())) <= SERVICES.keys()
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or source == "./config" or (DEPLOY / source).exists(), source


def test_compose_holds_no_secret_and_names_each_as_a_file() -> None:
    for secret in COMPOSE["secrets"].values():
        assert secret.keys() == {"file"}
        assert secret["file"].startswith("./secrets/")
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN", name) and not name.startswith("GF_SECURITY_DISABLE"):
                assert name.endswith("FILE"), name
                assert str(value).startswith("/run/secrets/")


def test_only_the_gateway_and_grafana_are_published_and_only_on_loopback() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports == {"gateway": ["127.0.0.1:8080:8080"], "grafana": ["127.0.0.1:3000:3000"]}
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    for name in ("database", "prometheus", "migrate"):
        assert SERVICES[name]["networks"] == ["inside"]


def test_our_containers_cannot_change_themselves() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_schema_is_brought_up_before_the_gateway_starts() -> None:
    assert SERVICES["migrate"]["command"] == ["migrate"]
    assert SERVICES["gateway"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"]["database"] == {"condition": "service_healthy"}


def test_the_tool_list_is_mounted_as_a_folder() -> None:
    """A mounted file would stay the old one when an editor puts a new file in its place."""
    assert "./config:/etc/sluis:ro" in SERVICES["gateway"]["volumes"]
    assert "SLUIS_ALLOWLIST=/etc/sluis/allowlist.yaml" in CONTAINERFILE


def test_open_answers_may_end_before_anything_is_killed() -> None:
    drain = Settings.model_fields["drain_timeout"].default
    assert int(SERVICES["gateway"]["stop_grace_period"].removesuffix("s")) >= drain + 10
    assert unit_value("TimeoutStopSec") >= str(int(drain) + 10)


# ---- image


def test_the_image_is_locked_and_runs_without_rights() -> None:
    assert "--require-hashes -r requirements/serve.txt" in CONTAINERFILE
    assert "requirements/model.txt" not in CONTAINERFILE
    assert re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE) == ["docker.io/library/python:3.11-slim"] * 2
    last = CONTAINERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert 'ENTRYPOINT ["sluis"]' in last


def test_the_image_copies_what_exists_and_what_its_ignore_file_lets_in() -> None:
    let_in = re.findall(r"^!(\S+)$", (DEPLOY / "Containerfile.dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    copied = [
        path for line in re.findall(r"^COPY ((?!--from).+)$", CONTAINERFILE, re.MULTILINE) for path in line.split()[:-1]
    ]
    assert sorted(copied) == sorted(let_in)
    for path in copied:
        assert (ROOT / path).exists(), path


def test_what_the_image_sets_exists() -> None:
    assert set(re.findall(r"(SLUIS_[A-Z_]+)=", CONTAINERFILE)) <= SETTINGS


def test_what_the_image_leaves_out_is_in_the_lock() -> None:
    """A name that the lock no longer has would be left out by nothing."""
    lock = (ROOT / "requirements" / "serve.txt").read_text(encoding="utf-8")
    left_out = " ".join(re.findall(r"pip uninstall --yes (.+)", CONTAINERFILE)).replace("pip", "").split()
    assert left_out
    for name in left_out:
        assert re.search(rf"^{name}==", lock, re.MULTILINE), name


# ---- systemd


def unit_value(key: str) -> str:
    return str(re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)[0])


def test_the_unit_names_settings_that_exist_and_stops_the_supervisor_first() -> None:
    assert set(re.findall(r"^Environment=.*?(SLUIS_[A-Z_]+)=", UNIT, re.MULTILINE)) <= SETTINGS
    assert unit_value("KillMode") == "mixed"
    assert unit_value("OOMPolicy") == "continue"
    assert unit_value("ExecStart").endswith("sluis serve")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_understands_the_unit_and_finds_it_hardened(tmp_path: Path) -> None:
    file = tmp_path / "sluis.service"
    file.write_text(UNIT.replace("/opt/sluis/bin/sluis", "/bin/true"), encoding="utf-8")
    checked = subprocess.run(["systemd-analyze", "verify", str(file)], capture_output=True, text=True, check=False)
    assert "sluis.service" not in checked.stderr, checked.stderr
    # Exposure from 0 (none) to 10; 1.5 as a threshold is reached by services that only need the network.
    arguments = ["security", "--offline=true", "--threshold=15", "--no-pager", str(file)]
    rated = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
    assert rated.returncode == 0, rated.stdout[-400:] + rated.stderr


# ---- proxies


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_a_proxy_leads_to_what_is_there_and_never_to_the_metrics(name: str) -> None:
    text = (DEPLOY / "proxy" / name).read_text(encoding="utf-8")
    active = "\n".join(line for line in text.splitlines() if not line.strip().startswith("#"))
    assert "9464" not in active
    assert "/metrics" not in active
    for path in ("/v1/", "/leaks/v1/", "/notice", "/admin/v1/"):
        assert path in active
    total = int(Settings.model_fields["total_timeout"].default)
    assert max(int(found) for found in re.findall(r"\b(\d+)s\b", active)) > total


needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Backend:
    """Stands where the gateway stands: keeps what it was sent, streams a piece, and waits until it was seen."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.first_was_read = asyncio.Event()
        self.got_body_piece = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        await reader.readexactly(10)
        self.got_body_piece.set()
        await reader.readexactly(10)
        writer.write(_ANSWER + b"9\r\ndata: 1\n\n\r\n")
        await writer.drain()
        async with asyncio.timeout(20):
            await self.first_was_read.wait()
        writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def nginx(folder: Path, backend_port: int, authority: trustme.CA) -> AsyncIterator[int]:
    """Our snippet between a client and a server, on ports of this test."""
    certificate = authority.issue_cert("sluis.example.org")
    certificate.private_key_pem.write_to_path(folder / "privkey.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(folder / "fullchain.pem", append=True)
    port = await _free_port()
    text = (DEPLOY / "proxy" / "nginx.conf").read_text(encoding="utf-8")
    for old, new in (
        ("/etc/ssl/sluis", str(folder)),
        ("127.0.0.1:8080", f"127.0.0.1:{backend_port}"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("listen [::]:443 ssl;", ""),
        ("listen 80;", f"listen unix:{folder}/plain.sock;"),
        ("listen [::]:80;", ""),
    ):
        assert old in text
        text = text.replace(old, new)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
    (folder / "main.conf").write_text(f"{main}http {{ {temporary}\n{text}\n}}\n", encoding="utf-8")
    process = await asyncio.create_subprocess_exec("nginx", "-c", str(folder / "main.conf"), "-p", str(folder))
    try:
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    (await asyncio.open_connection("127.0.0.1", port))[1].close()
                    break
                await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _free_port() -> int:
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def _connect(port: int, authority: trustme.CA) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="sluis.example.org")


@needs_nginx
async def test_nginx_holds_nothing_back_keeps_nothing_and_tells_the_true_address(tmp_path: Path) -> None:
    """Half a body reaches the gateway before the rest is sent; half an answer the client before the rest is there."""
    authority, backend = trustme.CA(), Backend()
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    async with server, asyncio.timeout(60), nginx(tmp_path, server.sockets[0].getsockname()[1], authority) as port:
        reader, writer = await _connect(port, authority)
        head = "POST /v1/chat/completions HTTP/1.1\r\nHost: sluis.example.org\r\nContent-Length: 20\r\n"
        writer.write(f"{head}X-Forwarded-For: 10.9.9.9\r\n\r\n".encode() + b"a" * 10)
        await backend.got_body_piece.wait()
        writer.write(b"b" * 10)
        assert b"data: 1" in await reader.readuntil(b"data: 1\n\n")
        backend.first_was_read.set()
        await reader.readuntil(b"data: 2\n\n")
        writer.close()
    [seen] = backend.heads
    assert re.search(r"^X-Forwarded-For: 127\.0\.0\.1\r$", seen, re.MULTILINE)
    assert "10.9.9.9" not in seen
    assert not [file for kind in ("client_body", "proxy") for file in (tmp_path / kind).rglob("*") if file.is_file()]


@needs_nginx
@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/", "/docs", "/v2/chat/completions"])
async def test_nginx_leads_nowhere_else(tmp_path: Path, path: str) -> None:
    authority, backend = trustme.CA(), Backend()
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    async with server, asyncio.timeout(60), nginx(tmp_path, server.sockets[0].getsockname()[1], authority) as port:
        reader, writer = await _connect(port, authority)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: sluis.example.org\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
        writer.close()
    assert backend.heads == []
