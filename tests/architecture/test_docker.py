"""The production files name things that exist."""

import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

TARGETS = ("web", "worker", "trainer")


@pytest.fixture(scope="module")
def compose(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "docker" / "compose.yaml").read_text())  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> list[str]:
    text = (root / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def stages(lines: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in lines:
        if match := re.fullmatch(r"FROM \S+ AS (\S+)", line):
            found[match[1]] = []
        else:
            found[list(found)[-1]].append(line)
    return found


def test_the_services_of_an_installation_are_all_there(compose: dict[str, Any]) -> None:
    assert {"web", "worker", "beat", "trainer", "postgres", "valkey"} <= set(compose["services"])


def test_every_built_service_names_a_stage(compose: dict[str, Any], dockerfile: list[str]) -> None:
    targets = {service["build"]["target"] for service in compose["services"].values() if "build" in service}

    assert targets == set(TARGETS)
    assert targets <= set(stages(dockerfile))


def test_every_service_has_a_health_check_or_ends(compose: dict[str, Any]) -> None:
    unwatched = [name for name, service in compose["services"].items() if "healthcheck" not in service]

    assert unwatched == ["migrate"]


def test_every_manage_command_exists(compose: dict[str, Any], dockerfile: list[str]) -> None:
    commands = [service["command"] for service in compose["services"].values() if "command" in service]
    commands += [re.findall(r'"([^"]+)"', line) for line in dockerfile if line.startswith("CMD")]
    managed = {command[2] for command in commands if command[1:2] == ["manage.py"]}

    assert managed == {"serve", "migrate"}
    assert managed <= set(get_commands())


def test_the_web_service_serves_and_nothing_else(compose: dict[str, Any]) -> None:
    """The worker, the trainer and beat are services of their own, and two beats would do everything twice."""
    assert compose["services"]["web"]["command"][2:4] == ["serve", "--web-only"]


def test_every_celery_command_names_our_application_and_its_queues(compose: dict[str, Any]) -> None:
    commands = [
        service["command"] for service in compose["services"].values() if service.get("command", [""])[0] == "celery"
    ]
    queues = {queue for command in commands if "-Q" in command for queue in command[command.index("-Q") + 1].split(",")}

    assert {command[command.index("-A") + 1] for command in commands} == {"config"}
    assert import_module("config.celery").app.main == "vitrine"
    assert queues == {"interactive", "default", "training"}


def test_every_copied_source_exists_and_reaches_the_build(root: Path, dockerfile: list[str]) -> None:
    copied = [
        source
        for line in dockerfile
        if line.startswith("COPY") and "--from=" not in line
        for source in shlex.split(line)[1:-1]
    ]
    ignore = (root / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in ignore if line.startswith("!")}

    assert copied
    assert [source for source in copied if not (root / source).exists()] == []
    assert {source.split("/")[0] for source in copied} <= let_through


def test_every_stage_that_is_copied_from_exists(dockerfile: list[str]) -> None:
    named = {match[1] for line in dockerfile if (match := re.search(r"--from=(\S+)", line))}

    assert named <= set(stages(dockerfile))


@pytest.mark.parametrize("target", TARGETS)
def test_no_image_runs_as_root(dockerfile: list[str], target: str) -> None:
    assert "USER vitrine" in stages(dockerfile)[target]


def test_only_the_trainer_gets_tensorflow(dockerfile: list[str]) -> None:
    environments = {target: [line for line in stages(dockerfile)[target] if "/opt/venv" in line] for target in TARGETS}

    assert environments == {
        "web": ["COPY --from=serving /opt/venv /opt/venv"],
        "worker": ["COPY --from=serving /opt/venv /opt/venv"],
        "trainer": ["COPY --from=training /opt/venv /opt/venv"],
    }


def test_no_secret_is_written_into_the_production_files(root: Path) -> None:
    secrets = [
        line
        for example in (root / "docker").glob("*.env.example")
        for line in example.read_text().splitlines()
        if re.match(r"[A-Z_]*(KEY|PASSWORD)=.", line)
    ]

    assert secrets == []


def test_the_database_role_is_one_that_row_level_security_binds(root: Path) -> None:
    script = (root / "docker" / "postgres" / "create-role.sh").read_text()

    assert "CREATE ROLE vitrine LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS" in script
